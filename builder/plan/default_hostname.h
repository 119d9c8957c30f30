// The host name of RUN steps that nobody gave one.

#ifndef STRAKE_BUILDER_PLAN_DEFAULT_HOSTNAME_H_
#define STRAKE_BUILDER_PLAN_DEFAULT_HOSTNAME_H_

namespace strake::builder::plan {

// As with BuildKit.
inline constexpr char kDefaultHostname[] = "buildkitsandbox";

}  // namespace strake::builder::plan

#endif  // STRAKE_BUILDER_PLAN_DEFAULT_HOSTNAME_H_
