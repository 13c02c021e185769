#include "notify_socket.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <string>

#include "arguments.h"

namespace sightline {
namespace {

/** The address of a socket; a path that begins with `@` is in the abstract namespace. Returns its length, 0 if too long. */
socklen_t AddressOf(const std::string& path, sockaddr_un* address) {
  if (path.empty() || path.size() >= sizeof(address->sun_path)) return 0;
  *address = {};
  address->sun_family = AF_UNIX;
  std::memcpy(address->sun_path, path.data(), path.size());
  if (path[0] == '@') address->sun_path[0] = '\0';
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
}

/** 0, or the error number. Does not wait: a service manager that does not read must not stop the main loop. */
int Send(const std::string& path, const std::string& text) {
  sockaddr_un address;
  const socklen_t length = AddressOf(path, &address);
  if (length == 0) return ENAMETOOLONG;
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return errno;
  const ssize_t sent = sendto(fd, text.data(), text.size(), MSG_NOSIGNAL,
                              reinterpret_cast<const sockaddr*>(&address), length);
  const int error = sent < 0 ? errno : 0;
  close(fd);
  return error;
}

Napi::Value SendDatagram(const Napi::CallbackInfo& info) {
  if (!info[0].IsString() || !info[1].IsString()) {
    return Throw(info.Env(), "ERR_ADDON_ARGUMENT", "sendDatagram: wanted a path and a text");
  }
  const int error = Send(info[0].As<Napi::String>(), info[1].As<Napi::String>());
  return error == 0 ? info.Env().Null() : Napi::String::New(info.Env(), std::strerror(error));
}

}  // namespace

void BindNotifySocket(Napi::Env env, Napi::Object exports) {
  exports.Set("sendDatagram", Napi::Function::New<SendDatagram>(env, "sendDatagram"));
}

}  // namespace sightline
