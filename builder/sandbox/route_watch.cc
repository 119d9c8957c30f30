#include "builder/sandbox/route_watch.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>

#include "builder/sandbox/network_namespace.h"
#include "util/result_macros.h"

namespace strake::builder::sandbox {
namespace {

bool IsDefaultRoute(const nlmsghdr& header) {
  if (header.nlmsg_type != RTM_NEWROUTE) return false;
  const auto* route = static_cast<const rtmsg*>(NLMSG_DATA(&header));
  return route->rtm_dst_len == 0 && route->rtm_type == RTN_UNICAST &&
         route->rtm_table == RT_TABLE_MAIN;
}

}  // namespace

Result<RouteWatch> RouteWatch::Start(int network) {
  UniqueFd opened;
  RETURN_IF_ERROR(RunInNetwork(network, [&]() -> Status {
    opened.reset(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    if (!opened) return ErrnoError("socket(AF_NETLINK)");
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
    if (bind(opened.get(), reinterpret_cast<const sockaddr*>(&address),
             sizeof(address)) != 0) {
      return ErrnoError("bind(AF_NETLINK)");
    }
    return {};
  }));
  return RouteWatch(std::move(opened));
}

Result<bool> RouteWatch::ReadMessages() {
  alignas(nlmsghdr) std::byte buffer[16384];
  const ssize_t size =
      recv(socket_.get(), buffer, sizeof(buffer), MSG_DONTWAIT);
  if (size < 0 && (errno == EINTR || errno == EAGAIN)) return false;
  if (size < 0) return ErrnoError("recv(AF_NETLINK)");
  auto left = static_cast<unsigned>(size);
  for (auto* header = reinterpret_cast<const nlmsghdr*>(buffer);
       NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
    if (IsDefaultRoute(*header)) return true;
  }
  return false;
}

Result<bool> RouteWatch::WaitForDefault(int process,
                                        std::chrono::milliseconds limit) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + limit;
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - Clock::now());
    if (left.count() <= 0) return false;
    pollfd polled[] = {{.fd = socket_.get(), .events = POLLIN, .revents = 0},
                       {.fd = process, .events = POLLIN, .revents = 0}};
    const int ready = poll(polled, 2, static_cast<int>(left.count()));
    if (ready < 0 && errno != EINTR) return ErrnoError("poll");
    if (ready <= 0) continue;
    if (polled[0].revents != 0) {
      ASSIGN_OR_RETURN(const bool found, ReadMessages());
      if (found) return true;
    }
    if (polled[1].revents != 0) return false;
  }
}

}  // namespace strake::builder::sandbox
