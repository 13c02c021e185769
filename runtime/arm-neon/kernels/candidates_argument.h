#pragma once

#include <napi.h>

#include "arguments.h"
#include "kernels/candidates.h"
#include "kernels/nms/nms.h"

namespace sightline {

/** All but the quantization. */
Failure ReadCandidatesWanted(const char* kernel, const Napi::Object& options, CandidatesWanted* wanted);

/** {iouMax, acrossClasses?}, the one named `name`. */
Failure ReadNms(const char* kernel, const char* name, const Napi::Value& value, NmsParams* params);

/** {classIds, scores, boxes} */
Napi::Value ToObject(Napi::Env env, const Candidates& candidates);

}  // namespace sightline
