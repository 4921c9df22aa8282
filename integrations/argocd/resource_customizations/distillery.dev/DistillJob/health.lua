-- A DistillJob is a run to completion, as a batch/v1 Job is: Progressing while it trains, Healthy when it is complete.
local hs = { status = "Progressing", message = "Waiting for the operator to see the job." }
if obj.status == nil or obj.status.conditions == nil then
  return hs
end
if obj.status.observedGeneration ~= obj.metadata.generation then
  hs.message = "Waiting for the operator to see the latest change."
  return hs
end

local found = {}
for _, condition in ipairs(obj.status.conditions) do
  found[condition.type] = condition
end
-- The first that is True decides.
local meanings = {
  { "Stalled", "Degraded" },
  { "Failed", "Degraded" },
  { "Reconciling", "Progressing" },
  { "Complete", "Healthy" },
  { "Suspended", "Suspended" },
}
for _, meaning in ipairs(meanings) do
  local condition = found[meaning[1]]
  if condition ~= nil and condition.status == "True" then
    hs.status = meaning[2]
    hs.message = condition.message
    return hs
  end
end
if found["Progressing"] ~= nil then
  hs.message = found["Progressing"].message
end
return hs
