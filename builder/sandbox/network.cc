#include "builder/sandbox/network.h"

#include <fcntl.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "util/byte_stream.h"
#include "util/result_macros.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox {
namespace {

std::string OwnName(const ProcessSpec& spec) {
  if (!spec.hostname.empty()) return spec.hostname;
  char name[256] = {};
  if (gethostname(name, sizeof(name) - 1) != 0) return "";
  return name;
}

}  // namespace

std::string HostsFile(const ProcessSpec& spec) {
  const std::string name = OwnName(spec);
  std::string text = "127.0.0.1\tlocalhost";
  if (!name.empty() && name != "localhost") text += " " + name;
  text +=
      "\n"
      "::1\tlocalhost ip6-localhost ip6-loopback\n"
      "fe00::\tip6-localnet\n"
      "ff00::\tip6-mcastprefix\n"
      "ff02::1\tip6-allnodes\n"
      "ff02::2\tip6-allrouters\n";
  for (const auto& [host, address] : spec.extra_hosts) {
    text += address + "\t" + host + "\n";
  }
  return text;
}

std::string ResolvConf(const ProcessSpec& spec) {
  if (spec.resolv_conf) return *spec.resolv_conf;
  if (spec.network == Network::kNone) return "";
  Result<UniqueFd> file = OpenFile("/etc/resolv.conf", O_RDONLY);
  if (!file) return "";
  FdSource source(std::move(file).value());
  std::string text;
  std::byte buffer[4096];
  while (true) {
    Result<size_t> n = source.Read(buffer);
    if (!n || *n == 0) return text;
    text.append(reinterpret_cast<const char*>(buffer), *n);
  }
}

Status BringLoopbackUp() {
  UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return ErrnoError("socket for the loopback interface");
  ifreq request{};
  std::memcpy(request.ifr_name, "lo", sizeof("lo"));
  if (ioctl(socket.get(), SIOCGIFFLAGS, &request) != 0) {
    return ErrnoError("flags of the loopback interface");
  }
  request.ifr_flags |= IFF_UP;
  if (ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) {
    return ErrnoError("bring up the loopback interface");
  }
  return {};
}

}  // namespace strake::builder::sandbox
