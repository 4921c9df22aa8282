-- The job continues from its checkpoint.
obj.spec.suspend = false
return obj
