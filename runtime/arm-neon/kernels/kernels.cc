#include "kernels/kernels.h"

#include <optional>
#include <vector>

#include "kernels/binding.h"

namespace sightline {
namespace {

const KernelBinding* const kKernels[] = {
#define KERNEL(name) &k##name##Kernel,
#include "kernels/all.inc"
#undef KERNEL
};

Napi::Array Names(Napi::Env env, Features features) {
  Napi::Array names = Napi::Array::New(env);
  for (const FeatureName& known : kFeatureNames) {
    if ((features & known.feature) != 0) names.Set(names.Length(), Napi::String::New(env, known.name));
  }
  return names;
}

/** Those of this CPU's features that `value` names; nothing when it names another one. */
std::optional<Features> ReadFeatures(const Napi::Value& value) {
  const Features present = ProbeFeatures();
  if (value.IsUndefined()) return present;
  if (!value.IsArray()) return std::nullopt;
  const Napi::Array names = value.As<Napi::Array>();
  Features features = 0;
  for (uint32_t i = 0; i < names.Length(); i++) {
    const Napi::Value name = names.Get(i);
    if (name.IsEmpty() || !name.IsString()) return std::nullopt;
    const std::string wanted = name.As<Napi::String>();
    Features found = 0;
    for (const FeatureName& known : kFeatureNames) {
      if (wanted == known.name) found = known.feature & present;
    }
    if (found == 0) return std::nullopt;
    features |= found;
  }
  return features;
}

Napi::Value CpuFeatures(const Napi::CallbackInfo& info) {
  return Names(info.Env(), ProbeFeatures());
}

/** {kernel: [{variant, needs}]}, best first. */
Napi::Value AllVariants(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Napi::Object kernels = Napi::Object::New(env);
  for (const KernelBinding* known : kKernels) {
    Napi::Array variants = Napi::Array::New(env);
    for (const NamedVariant& named : known->variants) {
      Napi::Object variant = Napi::Object::New(env);
      variant.Set("variant", named.name);
      variant.Set("needs", Names(env, named.needs));
      variants.Set(variants.Length(), variant);
    }
    kernels.Set(known->kernel, variants);
  }
  return kernels;
}

}  // namespace

Napi::Value Kernels::Run(const Napi::CallbackInfo& info) {
  return CallKernel(info, features_, static_cast<const KernelBinding::Method*>(info.Data())->parse);
}

void Kernels::Bind(Napi::Env env, Napi::Object exports) {
  std::vector<PropertyDescriptor> members{InstanceMethod("chosen", &Kernels::Chosen)};
  for (const KernelBinding* kernel : kKernels) {
    for (const KernelBinding::Method& method : kernel->methods) {
      void* data = const_cast<KernelBinding::Method*>(&method);
      members.push_back(InstanceMethod(method.name, &Kernels::Run, napi_default, data));
    }
  }
  exports.Set("Kernels", DefineClass(env, "Kernels", members));
  exports.Set("cpuFeatures", Napi::Function::New<CpuFeatures>(env, "cpuFeatures"));
  exports.Set("kernelVariants", Napi::Function::New<AllVariants>(env, "kernelVariants"));
}

Kernels::Kernels(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Kernels>(info) {
  const auto features = ReadFeatures(info[0]);
  if (features) {
    features_ = *features;
  } else {
    Throw(Env(), "ERR_ADDON_ARGUMENT", "Kernels: wanted a list of features that this CPU has");
  }
}

Napi::Value Kernels::Chosen(const Napi::CallbackInfo& info) {
  Napi::Object chosen = Napi::Object::New(info.Env());
  for (const KernelBinding* known : kKernels) {
    for (const NamedVariant& variant : known->variants) {
      if ((variant.needs & features_) != variant.needs) continue;
      chosen.Set(known->kernel, variant.name);
      break;
    }
  }
  return chosen;
}

}  // namespace sightline
