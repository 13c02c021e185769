#pragma once

#include <napi.h>

namespace sightline {

/** Adds `sendDatagram` to the addon. */
void BindNotifySocket(Napi::Env env, Napi::Object exports);

}  // namespace sightline
