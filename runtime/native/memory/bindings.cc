#include "memory/bindings.h"

#include "arguments.h"
#include "memory/block.h"
#include "memory/tensor_arena.h"

namespace sightline {
namespace {

/** An ArrayBuffer over the block that owns a share of it. */
Napi::Value View(Napi::Env env, std::shared_ptr<Block> block) {
  auto* owner = new std::shared_ptr<Block>(std::move(block));
  return Napi::ArrayBuffer::New(
      env, (*owner)->data(), (*owner)->bytes(),
      [](Napi::BasicEnv, void*, std::shared_ptr<Block>* share) { delete share; }, owner);
}

Napi::Value Allocate(const Napi::CallbackInfo& info) {
  const auto bytes = ReadInteger(info[0], 1, kMaxBytes);
  if (!bytes) return Throw(info.Env(), "ERR_ADDON_ARGUMENT", "allocate: bytes must be 1 to 2^40");
  std::shared_ptr<Block> block = Block::Allocate(static_cast<size_t>(*bytes));
  if (!block) return Throw(info.Env(), "ERR_ADDON_ARGUMENT", "allocate: the system has no memory left");
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("id", Napi::Number::New(info.Env(), block->id()));
  result.Set("buffer", View(info.Env(), std::move(block)));
  return result;
}

Napi::Value Attach(const Napi::CallbackInfo& info) {
  const auto id = ReadInteger(info[0], 1, UINT32_MAX);
  std::shared_ptr<Block> block = id ? Block::Find(static_cast<uint32_t>(*id)) : nullptr;
  if (!block) return Throw(info.Env(), "ERR_ADDON_ARGUMENT", "attach: no living block has this id");
  return View(info.Env(), std::move(block));
}

Napi::Value MemoryUseNow(const Napi::CallbackInfo& info) {
  const MemoryUse use = BlocksAlive();
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("bytes", Napi::Number::New(info.Env(), static_cast<double>(use.bytes)));
  result.Set("blocks", Napi::Number::New(info.Env(), static_cast<double>(use.blocks)));
  return result;
}

Napi::Value TensorMemory(const Napi::CallbackInfo& info) {
  const ArenaUse use = ArenaUseNow();
  Napi::Object result = Napi::Object::New(info.Env());
  const auto set = [&](const char* key, int64_t bytes) {
    result.Set(key, Napi::Number::New(info.Env(), static_cast<double>(bytes)));
  };
  set("weightsBytes", use.weights);
  set("activationBytes", use.activations);
  set("activationPeakBytes", use.activations_peak);
  set("heldBytes", use.held);
  return result;
}

}  // namespace

void BindMemory(Napi::Env env, Napi::Object exports) {
  exports.Set("allocate", Napi::Function::New<Allocate>(env, "allocate"));
  exports.Set("attach", Napi::Function::New<Attach>(env, "attach"));
  exports.Set("memoryUse", Napi::Function::New<MemoryUseNow>(env, "memoryUse"));
  exports.Set("tensorMemory", Napi::Function::New<TensorMemory>(env, "tensorMemory"));
}

}  // namespace sightline
