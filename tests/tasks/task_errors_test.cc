// Everything that is refused, with its text and its place.

#include <gtest/gtest.h>

#include <string>

#include "tasks/file/task_file.h"

namespace strake::tasks::file {
namespace {

struct Bad {
  std::string name;
  std::string text;
  std::string message;
};

class BadTaskTest : public ::testing::TestWithParam<Bad> {};

TEST_P(BadTaskTest, IsRefused) {
  TaskSource source;
  source.text = GetParam().text;
  source.file = "f";
  auto read = ReadTaskFile(source);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().message(), GetParam().message);
  EXPECT_EQ(read.error().code(), ErrorCode::kInvalidArgument);
}

std::string WrongType(int line, const std::string& what) {
  return "yaml: unmarshal errors:\n  line " + std::to_string(line) +
         ": cannot unmarshal " + what;
}

std::string Name(const ::testing::TestParamInfo<Bad>& test) {
  return test.param.name;
}

INSTANTIATE_TEST_SUITE_P(
    Yaml, BadTaskTest,
    ::testing::Values(
        Bad{"PushScalar", "steps:\n  - push: img\n",
            "f:2:11: " + WrongType(2, "!!str `img` into []string")},
        Bad{"WhenDash", "steps:\n  - cmd: a\n    when: -\n",
            "f:3:11: yaml: illegal block entry"},
        Bad{"WhenScalar", "steps:\n  - {cmd: a, when: b}\n",
            "f:2:20: " + WrongType(2, "!!str `b` into []string")},
        Bad{"EnvScalar", "env: host=a.example.com\n",
            "f:1:6: " + WrongType(1, "!!str `host=a....` into []string")},
        Bad{"QuotedNumber", "steps:\n  - cmd: a\n    timeout: \"60\"\n",
            "f:3:14: " + WrongType(3, "!!str `60` into int")},
        Bad{"WordForNumber", "stepTimeout: long\n",
            "f:1:14: " + WrongType(1, "!!str `long` into int")},
        Bad{"NumberTooLarge", "stepTimeout: 99999999999\n",
            "f:1:14: " + WrongType(1, "!!int `9999999...` into int")},
        Bad{"WordForBoolean", "steps:\n  - {cmd: a, detach: maybe}\n",
            "f:2:22: " + WrongType(2, "!!str `maybe` into bool")},
        Bad{"NumberForBoolean", "steps:\n  - {cmd: a, detach: 1}\n",
            "f:2:22: " + WrongType(2, "!!int `1` into bool")},
        Bad{"ListForString", "steps:\n  - cmd: [a, b]\n",
            "f:2:10: " + WrongType(2, "!!seq into string")},
        Bad{"MapForString", "steps:\n  - cmd: {a: b}\n",
            "f:2:10: " + WrongType(2, "!!map into string")},
        Bad{"MapForSteps", "steps: {cmd: a}\n",
            "f:1:8: " + WrongType(1, "!!map into []*graph.Step")},
        Bad{"WordForStep", "steps:\n  - busybox\n",
            "f:2:5: " + WrongType(2, "!!str `busybox` into graph.Step")},
        Bad{"ListForTask", "- cmd: a\n",
            "f:1:1: " + WrongType(1, "!!seq into graph.Task")},
        Bad{"NotClosed", "steps: [\n",
            "f:2:1: yaml: end of sequence flow not found"},
        Bad{"Empty", "# nothing\n", "f:1:1: rendered template was empty"}),
    Name);

INSTANTIATE_TEST_SUITE_P(
    Secrets, BadTaskTest,
    ::testing::Values(
        Bad{"NoId", "secrets:\n  - keyvault: https://v/secrets/a\n",
            "f:2:5: secret is missing an ID as well as auto-generated ID"},
        Bad{"IdWithSpace", "secrets:\n  - {id: a b, keyvault: https://v}\n",
            "f:2:5: failed to validate secret with ID: a b: secret ID cannot "
            "contain spaces"},
        Bad{"NoSource", "secrets:\n  - id: a\n",
            "f:2:5: failed to validate secret with ID: a: secret should "
            "contain either keyvault property for vault secret, or msi "
            "clientID/aadResourceId for msi authentication"},
        Bad{"NoGuid",
            "secrets:\n  - {id: a, keyvault: https://v, clientID: me}\n",
            "f:2:5: failed to validate secret with ID: a: msi client ID is not "
            "a valid guid"},
        Bad{"Twice",
            "secrets:\n  - {id: a, keyvault: https://v}\n"
            "  - {id: a, keyvault: https://w}\n",
            "f:3:5: duplicate secret found with ID: a"}),
    Name);

INSTANTIATE_TEST_SUITE_P(
    Volumes, BadTaskTest,
    ::testing::Values(
        Bad{"NoName", "volumes:\n  - secret: {a: b}\n",
            "f:2:5: volume name is empty"},
        Bad{"BadName", "volumes:\n  - {name: a.b, secret: {a: b}}\n",
            "f:2:5: volume name is not well formed. Only use alphanumeric and "
            "- _"},
        Bad{"NoSource", "volumes:\n  - name: a\n",
            "f:2:5: currently only support for source type secret"},
        Bad{"NoFiles", "volumes:\n  - {name: a, secret: {}}\n",
            "f:2:5: secret is empty"},
        Bad{"NoFileName", "volumes:\n  - {name: a, secret: {'': b}}\n",
            "f:2:5: secret name provided for value is empty"},
        Bad{"BadFileName", "volumes:\n  - {name: a, secret: {b/c: d}}\n",
            "f:2:5: file name, b/c, is not well formed. Only use alphanumeric "
            "and - _ ."},
        Bad{"Twice",
            "volumes:\n  - {name: a, secret: {b: c}}\n"
            "  - {name: a, secret: {b: c}}\n",
            "f:3:5: volume with duplicate name found"},
        Bad{"MountOfNone",
            "steps:\n  - cmd: a\n    volumeMounts:\n"
            "      - {name: v, mountPath: /v}\n",
            "f:4:9: mount name, v, does not correspond to a volume"}),
    Name);

INSTANTIATE_TEST_SUITE_P(
    Version, BadTaskTest,
    ::testing::Values(
        Bad{"WithoutV", "version: 1.0.0\n",
            "f:1:1: invalid version specified: \"1.0.0\", the current version "
            "is \"v1.0.0\""},
        Bad{"Unknown", "steps: []\nversion: v1.2.0\n",
            "f:2:1: invalid version specified: \"v1.2.0\", the current version "
            "is \"v1.0.0\""},
        Bad{"Alpha", "version: v1.0.0-alpha\n",
            "f:1:1: invalid version specified: \"v1.0.0-alpha\", the current "
            "version is \"v1.0.0\""}),
    Name);

INSTANTIATE_TEST_SUITE_P(
    Environment, BadTaskTest,
    ::testing::Values(
        Bad{"OfTheTask", "env: [\"A=1,2\"]\nsteps:\n  - cmd: a\n",
            "f:1:1: failed to merge task and step environment variables: "
            "cannot parse task environment variable 2 correctly"},
        Bad{"OfAStep", "env: [A=1]\nsteps:\n  - cmd: a\n    env: [B]\n",
            "f:4:5: failed to merge task and step environment variables: "
            "cannot parse step environment variable B correctly"},
        Bad{"BeforeTheStepsThemselves",
            "env: [A]\nsteps:\n  - {cmd: a, retries: -1}\n",
            "f:1:1: failed to merge task and step environment variables: "
            "cannot parse task environment variable A correctly"}),
    Name);

// A file with the steps `first`, on line 2, and `second`.
std::string Steps(const std::string& first, const std::string& second = "") {
  return "steps:\n  - {" + first + "}\n" +
         (second.empty() ? "" : "  - {" + second + "}\n");
}

const char kMount[] = "{name: v, mountPath: /v}";
const char kVolume[] = "volumes: [{name: v, secret: {a: b}}]\n";
const char kOnlyOne[] =
    "step must only contain a single build, cmd, or push property";
const char kMissing[] = "step is missing a cmd, build, or push property";

INSTANTIATE_TEST_SUITE_P(
    Steps, BadTaskTest,
    ::testing::Values(
        Bad{"Retries", Steps("cmd: a, retries: -1"),
            "f:2:14: step must specify retries >= 0"},
        Bad{"Repeat", Steps("cmd: a, repeat: -1"),
            "f:2:14: step must specify repeat >= 0"},
        Bad{"CmdAndBuild", Steps("cmd: a, build: b"),
            std::string("f:2:14: ") + kOnlyOne},
        Bad{"BuildAndPush", Steps("push: [a], build: b"),
            std::string("f:2:17: ") + kOnlyOne},
        Bad{"IdWithSpace", Steps("id: a b, cmd: a"),
            "f:2:6: step ID cannot contain spaces"},
        Bad{"Nothing", Steps("id: a"), std::string("f:2:5: ") + kMissing},
        Bad{"EmptyCmd", Steps("cmd: ''"), std::string("f:2:5: ") + kMissing},
        Bad{"EmptyPush", Steps("push: []"), std::string("f:2:5: ") + kMissing},
        Bad{"NullStep", "steps:\n  - cmd: a\n  -\n",
            std::string("f:2:3: ") + kMissing},
        Bad{"MountOnPush",
            kVolume +
                Steps("push: [a], volumeMounts: [" + std::string(kMount) + "]"),
            "f:3:17: invalid use of Mounts. Mounts must have unique container "
            "paths and only used for cmd or build steps"},
        Bad{"MountWithoutPath",
            kVolume + Steps("cmd: a, volumeMounts: [{name: v}]"),
            "f:3:29: mount name or mount path is empty"},
        Bad{"MountTwice",
            kVolume + Steps("cmd: a, volumeMounts: [" + std::string(kMount) +
                            ", " + kMount + "]"),
            "f:3:55: mount with duplicate container file path found"},
        Bad{"AtOnceAndMore", Steps("id: a, cmd: a", "cmd: a, when: ['-', a]"),
            "f:3:14: step cannot contain other IDs in when if the immediate "
            "execution token is specified"},
        Bad{"Itself", Steps("id: a, cmd: a, when: [a]"),
            "f:2:21: Step ID: a is self-referenced"},
        Bad{"Cache", Steps("build: a, cache: on"),
            "f:2:16: invalid value for cache property. Valid values are "
            "'enabled', 'disabled'"},
        Bad{"CacheOfACmd", Steps("cmd: a, cache: maybe"),
            "f:2:14: invalid value for cache property. Valid values are "
            "'enabled', 'disabled'"},
        Bad{"Root", Steps("id: acb_root, cmd: a"),
            "f:2:6: acb_root is a reserved ID, it can't be used"},
        Bad{"Twice", Steps("id: a, cmd: a", "id: a, cmd: b"),
            "f:3:6: a already exists as a vertex"},
        Bad{"TwiceOneGenerated", Steps("cmd: a", "id: acb_step_0, cmd: b"),
            "f:3:6: acb_step_0 already exists as a vertex"},
        Bad{"Unknown", Steps("id: a, cmd: a", "id: b, cmd: a, when: [c]"),
            "f:3:21: c does not exist as a vertex [from: c, to: b]"},
        Bad{"Later", Steps("id: a, cmd: a, when: [b]", "id: b, cmd: a"),
            "f:2:21: b does not exist as a vertex [from: b, to: a]"},
        Bad{"EmptyWhen", Steps("id: a, cmd: a, when: ['']"),
            "f:2:21: from cannot be empty"}),
    Name);

// The first error wins, steps in their order.
INSTANTIATE_TEST_SUITE_P(
    Order, BadTaskTest,
    ::testing::Values(
        Bad{"SecretsBeforeVolumes",
            "volumes: [{name: a}]\nsecrets: [{id: a b}]\n",
            "f:2:11: failed to validate secret with ID: a b: secret ID cannot "
            "contain spaces"},
        Bad{"VolumesBeforeVersion", "version: v9\nvolumes: [{name: a}]\n",
            "f:2:11: currently only support for source type secret"},
        Bad{"TypesBeforeAll", "version: v1.0.1\nstepTimeout: x\n",
            "f:2:14: " + WrongType(2, "!!str `x` into int")},
        Bad{"AnEdgeBeforeALaterStep",
            Steps("id: a, cmd: a, when: [c]", "cmd: a, retries: -1"),
            "f:2:21: c does not exist as a vertex [from: c, to: a]"},
        Bad{"AStepBeforeALaterEdge",
            Steps("id: a, cmd: a, retries: -1", "cmd: a, when: [c]"),
            "f:2:21: step must specify retries >= 0"}),
    Name);

}  // namespace
}  // namespace strake::tasks::file
