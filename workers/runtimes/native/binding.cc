/**
 * What the runtime `native` needs of TensorFlow's C API, for Node-API: tensors, one op, one function of ops.
 * addon.ts holds its types. Values cross as bytes; kinds of attributes are those of TF_AttrType.
 *
 * Each JavaScript environment (a thread) has a context of its own, which ends with it. An error of TensorFlow is thrown
 * with its own message; nothing that a failed call has made stays behind.
 */
#include <node_api.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "tensorflow/c/c_api.h"
#include "tensorflow/c/eager/c_api.h"

/** Of the abseil inside TensorFlow; missing in another version, which then prints hints to standard error. */
extern void setMinLogLevel(int level) __asm__("_ZN4absl12lts_2025081414SetMinLogLevelENS0_18LogSeverityAtLeastE")
    __attribute__((weak));

namespace {

using Handle = std::unique_ptr<TFE_TensorHandle, decltype(&TFE_DeleteTensorHandle)>;
using Tensor = std::unique_ptr<TF_Tensor, decltype(&TF_DeleteTensor)>;
using Buffer = std::unique_ptr<TF_Buffer, decltype(&TF_DeleteBuffer)>;

/** Thrown inside, turned into an exception of JavaScript at the border. */
[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what); }

class Status {
 public:
  TF_Status* get() { return status_.get(); }
  void check() {
    if (TF_GetCode(get()) != TF_OK) fail(TF_Message(get()));
  }

 private:
  std::unique_ptr<TF_Status, decltype(&TF_DeleteStatus)> status_{TF_NewStatus(), &TF_DeleteStatus};
};

/** The tensors and the context of one JavaScript environment. */
struct State {
  TFE_Context* context = nullptr;
  int32_t next = 1;
  std::unordered_map<int32_t, Handle> tensors;
  ~State() {
    tensors.clear();
    if (context != nullptr) TFE_DeleteContext(context);
  }
};

/** One call from JavaScript: its arguments, read by type. */
class Call {
 public:
  Call(napi_env env, napi_callback_info info) : env(env) {
    size_t count = 4;
    check(napi_get_cb_info(env, info, &count, arguments_, nullptr, nullptr));
    void* data = nullptr;
    check(napi_get_instance_data(env, &data));
    state = static_cast<State*>(data);
  }

  void check(napi_status status) const {
    if (status != napi_ok) fail("binding: found an argument of another type, expected those of addon.ts");
  }
  napi_value argument(size_t at) const { return arguments_[at]; }
  int64_t integer(napi_value value) const {
    int64_t result = 0;
    check(napi_get_value_int64(env, value, &result));
    return result;
  }
  double real(napi_value value) const {
    double result = 0;
    check(napi_get_value_double(env, value, &result));
    return result;
  }
  std::string text(napi_value value) const {
    size_t length = 0;
    check(napi_get_value_string_utf8(env, value, nullptr, 0, &length));
    std::string result(length, '\0');
    check(napi_get_value_string_utf8(env, value, result.data(), length + 1, &length));
    return result;
  }
  bool isArray(napi_value value) const {
    bool result = false;
    check(napi_is_array(env, value, &result));
    return result;
  }
  std::vector<napi_value> list(napi_value value) const {
    uint32_t length = 0;
    check(napi_get_array_length(env, value, &length));
    std::vector<napi_value> result(length);
    for (uint32_t at = 0; at < length; at++) check(napi_get_element(env, value, at, &result[at]));
    return result;
  }
  std::vector<int64_t> integers(napi_value value) const {
    std::vector<int64_t> result;
    for (napi_value element : list(value)) result.push_back(integer(element));
    return result;
  }
  napi_value field(napi_value object, const char* name) const {
    napi_value result = nullptr;
    check(napi_get_named_property(env, object, name, &result));
    return result;
  }
  /** The bytes behind a Uint8Array; valid during the call. */
  std::pair<const void*, size_t> bytes(napi_value value) const {
    napi_typedarray_type type;
    size_t length = 0;
    void* data = nullptr;
    check(napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr));
    if (type != napi_uint8_array) check(napi_invalid_arg);
    return {data, length};
  }
  napi_value number(double value) const {
    napi_value result = nullptr;
    check(napi_create_double(env, value, &result));
    return result;
  }
  napi_value copyOf(const void* data, size_t length) const {
    void* target = nullptr;
    napi_value result = nullptr;
    check(napi_create_arraybuffer(env, length, &target, &result));
    if (length > 0) std::memcpy(target, data, length);
    return result;
  }
  TFE_Context* context() const {
    if (state->context == nullptr) fail("binding: found no context, expected a call of `open` before");
    return state->context;
  }
  TFE_TensorHandle* tensor(napi_value id) const {
    const auto found = state->tensors.find(static_cast<int32_t>(integer(id)));
    if (found == state->tensors.end()) fail("binding: found the id of a tensor that does not exist");
    return found->second.get();
  }
  int32_t keep(Handle handle) const {
    const int32_t id = state->next++;
    state->tensors.emplace(id, std::move(handle));
    return id;
  }

  napi_env env;
  State* state = nullptr;

 private:
  napi_value arguments_[4] = {};
};

/** open(config): a serialized ConfigProto. A tensor that an op needs on another device is copied there. */
napi_value open(const Call& call) {
  if (call.state->context != nullptr) return nullptr;
  const auto [data, length] = call.bytes(call.argument(0));
  Status status;
  std::unique_ptr<TFE_ContextOptions, decltype(&TFE_DeleteContextOptions)> options(TFE_NewContextOptions(),
                                                                                  &TFE_DeleteContextOptions);
  TFE_ContextOptionsSetConfig(options.get(), data, length, status.get());
  status.check();
  TFE_ContextOptionsSetDevicePlacementPolicy(options.get(), TFE_DEVICE_PLACEMENT_SILENT);
  call.state->context = TFE_NewContext(options.get(), status.get());
  status.check();
  return nullptr;
}

/** devices(): the type of each device of the context, such as "GPU". */
napi_value devices(const Call& call) {
  Status status;
  std::unique_ptr<TF_DeviceList, decltype(&TF_DeleteDeviceList)> list(
      TFE_ContextListDevices(call.context(), status.get()), &TF_DeleteDeviceList);
  status.check();
  const int count = TF_DeviceListCount(list.get());
  napi_value result = nullptr;
  call.check(napi_create_array_with_length(call.env, static_cast<size_t>(count), &result));
  for (int at = 0; at < count; at++) {
    const char* type = TF_DeviceListType(list.get(), at, status.get());
    status.check();
    napi_value text = nullptr;
    call.check(napi_create_string_utf8(call.env, type, NAPI_AUTO_LENGTH, &text));
    call.check(napi_set_element(call.env, result, static_cast<uint32_t>(at), text));
  }
  return result;
}

/** showWarnings(): of the library, which explain why it uses no device. */
napi_value showWarnings(const Call&) {
  if (setMinLogLevel != nullptr) setMinLogLevel(1);
  return nullptr;
}

/** setVariable(name, value): of the process's own environment, which Node does not change from its threads. */
napi_value setVariable(const Call& call) {
  const std::string name = call.text(call.argument(0));
  const std::string value = call.text(call.argument(1));
  const char* before = std::getenv(name.c_str());
  if (before == nullptr || value != before) setenv(name.c_str(), value.c_str(), 1);
  return nullptr;
}

/** createTensor(type, shape, bytes): the id of a tensor with a copy of the bytes. */
napi_value createTensor(const Call& call) {
  const auto type = static_cast<TF_DataType>(call.integer(call.argument(0)));
  const std::vector<int64_t> shape = call.integers(call.argument(1));
  const auto [data, length] = call.bytes(call.argument(2));
  size_t size = TF_DataTypeSize(type);
  for (const int64_t axis : shape) size *= static_cast<size_t>(axis);
  if (size != length) fail("binding: found bytes of another length than the shape has");
  Tensor tensor(TF_AllocateTensor(type, shape.data(), static_cast<int>(shape.size()), length), &TF_DeleteTensor);
  if (length > 0) std::memcpy(TF_TensorData(tensor.get()), data, length);
  Status status;
  Handle handle(TFE_NewTensorHandle(tensor.get(), status.get()), &TFE_DeleteTensorHandle);
  status.check();
  return call.number(call.keep(std::move(handle)));
}

/** readTensor(id): a copy of its bytes. */
napi_value readTensor(const Call& call) {
  Status status;
  Tensor tensor(TFE_TensorHandleResolve(call.tensor(call.argument(0)), status.get()), &TF_DeleteTensor);
  status.check();
  return call.copyOf(TF_TensorData(tensor.get()), TF_TensorByteSize(tensor.get()));
}

/** deleteTensor(id) */
napi_value deleteTensor(const Call& call) {
  call.state->tensors.erase(static_cast<int32_t>(call.integer(call.argument(0))));
  return nullptr;
}

/** tensorCount() */
napi_value tensorCount(const Call& call) { return call.number(static_cast<double>(call.state->tensors.size())); }

template <typename Value, typename Read>
std::unique_ptr<Value[]> arrayOf(const std::vector<napi_value>& elements, Read read) {
  std::unique_ptr<Value[]> values(new Value[elements.size()]);
  for (size_t at = 0; at < elements.size(); at++) values[at] = static_cast<Value>(read(elements[at]));
  return values;
}

void setAttribute(const Call& call, TFE_Op* op, napi_value attribute) {
  const std::string name = call.text(call.field(attribute, "name"));
  const auto kind = static_cast<TF_AttrType>(call.integer(call.field(attribute, "type")));
  const napi_value value = call.field(attribute, "value");
  const bool many = call.isArray(value);
  const auto integer = [&call](napi_value one) { return call.integer(one); };
  const auto real = [&call](napi_value one) { return call.real(one); };
  const auto truth = [&call](napi_value one) {
    bool result = false;
    call.check(napi_get_value_bool(call.env, one, &result));
    return result;
  };
  const auto elements = many ? call.list(value) : std::vector<napi_value>();
  const int count = static_cast<int>(elements.size());
  Status status;
  if (kind == TF_ATTR_STRING && !many) {
    const std::string text = call.text(value);
    TFE_OpSetAttrString(op, name.c_str(), text.data(), text.size());
  } else if (kind == TF_ATTR_INT && many) {
    TFE_OpSetAttrIntList(op, name.c_str(), arrayOf<int64_t>(elements, integer).get(), count);
  } else if (kind == TF_ATTR_INT) {
    TFE_OpSetAttrInt(op, name.c_str(), call.integer(value));
  } else if (kind == TF_ATTR_FLOAT && many) {
    TFE_OpSetAttrFloatList(op, name.c_str(), arrayOf<float>(elements, real).get(), count);
  } else if (kind == TF_ATTR_FLOAT) {
    TFE_OpSetAttrFloat(op, name.c_str(), static_cast<float>(call.real(value)));
  } else if (kind == TF_ATTR_BOOL && !many) {
    TFE_OpSetAttrBool(op, name.c_str(), truth(value) ? 1 : 0);
  } else if (kind == TF_ATTR_TYPE && !many) {
    TFE_OpSetAttrType(op, name.c_str(), static_cast<TF_DataType>(call.integer(value)));
  } else if (kind == TF_ATTR_SHAPE && many) {
    TFE_OpSetAttrShape(op, name.c_str(), call.integers(value).data(), count, status.get());
    status.check();
  } else {
    fail("binding: found an attribute " + name + " of a kind that is not known here");
  }
}

/** What the results of an op are: {id, shape, dtype}. */
napi_value described(const Call& call, Handle handle) {
  Status status;
  const int rank = TFE_TensorHandleNumDims(handle.get(), status.get());
  status.check();
  napi_value shape = nullptr;
  napi_value result = nullptr;
  call.check(napi_create_array_with_length(call.env, static_cast<size_t>(rank), &shape));
  for (int axis = 0; axis < rank; axis++) {
    const int64_t size = TFE_TensorHandleDim(handle.get(), axis, status.get());
    status.check();
    call.check(napi_set_element(call.env, shape, static_cast<uint32_t>(axis), call.number(static_cast<double>(size))));
  }
  const double type = TFE_TensorHandleDataType(handle.get());
  call.check(napi_create_object(call.env, &result));
  call.check(napi_set_named_property(call.env, result, "shape", shape));
  call.check(napi_set_named_property(call.env, result, "dtype", call.number(type)));
  call.check(napi_set_named_property(call.env, result, "id", call.number(call.keep(std::move(handle)))));
  return result;
}

/** executeOp(name, attributes, inputs, outputs): runs an op, or a function that was added. */
napi_value executeOp(const Call& call) {
  Status status;
  std::unique_ptr<TFE_Op, decltype(&TFE_DeleteOp)> op(
      TFE_NewOp(call.context(), call.text(call.argument(0)).c_str(), status.get()), &TFE_DeleteOp);
  status.check();
  for (napi_value id : call.list(call.argument(2))) {
    TFE_OpAddInput(op.get(), call.tensor(id), status.get());
    status.check();
  }
  for (napi_value attribute : call.list(call.argument(1))) setAttribute(call, op.get(), attribute);
  int count = static_cast<int>(call.integer(call.argument(3)));
  std::vector<TFE_TensorHandle*> results(static_cast<size_t>(count), nullptr);
  TFE_Execute(op.get(), results.data(), &count, status.get());
  status.check();
  std::vector<Handle> owned;
  for (int at = 0; at < count; at++) owned.emplace_back(results[static_cast<size_t>(at)], &TFE_DeleteTensorHandle);
  napi_value list = nullptr;
  call.check(napi_create_array_with_length(call.env, static_cast<size_t>(count), &list));
  for (int at = 0; at < count; at++) {
    napi_value one = described(call, std::move(owned[static_cast<size_t>(at)]));
    call.check(napi_set_element(call.env, list, static_cast<uint32_t>(at), one));
  }
  return list;
}

/** addFunction(definition): a serialized FunctionDef, from then on an op of its name. */
napi_value addFunction(const Call& call) {
  const auto [data, length] = call.bytes(call.argument(0));
  Status status;
  TFE_ContextAddFunctionDef(call.context(), static_cast<const char*>(data), length, status.get());
  status.check();
  return nullptr;
}

/** removeFunction(name) */
napi_value removeFunction(const Call& call) {
  Status status;
  TFE_ContextRemoveFunction(call.context(), call.text(call.argument(0)).c_str(), status.get());
  status.check();
  return nullptr;
}

/** opList(): a serialized OpList of all ops. */
napi_value opList(const Call& call) {
  Buffer list(TF_GetAllOpList(), &TF_DeleteBuffer);
  return call.copyOf(list->data, list->length);
}

/** version(): of the library. */
napi_value version(const Call& call) {
  napi_value result = nullptr;
  call.check(napi_create_string_utf8(call.env, TF_Version(), NAPI_AUTO_LENGTH, &result));
  return result;
}

template <napi_value (*Function)(const Call&)>
napi_value entry(napi_env env, napi_callback_info info) {
  try {
    return Function(Call(env, info));
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, error.what());
    return nullptr;
  }
}

template <napi_value (*Function)(const Call&)>
constexpr napi_property_descriptor method(const char* name) {
  return {name, nullptr, entry<Function>, nullptr, nullptr, nullptr, napi_enumerable, nullptr};
}

}  // namespace

NAPI_MODULE_INIT() {
  // Errors alone: hints about speed are not for the log of a job. One line about oneDNN comes before this.
  if (setMinLogLevel != nullptr) setMinLogLevel(2);
  napi_set_instance_data(env, new State(), [](napi_env, void* state, void*) { delete static_cast<State*>(state); },
                         nullptr);
  const napi_property_descriptor methods[] = {
      method<open>("open"),
      method<devices>("devices"),
      method<showWarnings>("showWarnings"),
      method<setVariable>("setVariable"),
      method<createTensor>("createTensor"),
      method<readTensor>("readTensor"),
      method<deleteTensor>("deleteTensor"),
      method<tensorCount>("tensorCount"),
      method<executeOp>("executeOp"),
      method<addFunction>("addFunction"),
      method<removeFunction>("removeFunction"),
      method<opList>("opList"),
      method<version>("version"),
  };
  napi_define_properties(env, exports, sizeof(methods) / sizeof(methods[0]), methods);
  return exports;
}
