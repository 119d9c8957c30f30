// Vectors of sprig's functions; see sprig_vectors.h.

#include "tests/tasks/sprig_vectors.h"

namespace strake::tasks::file {

const std::vector<SprigVector>& DefaultVectors() {
  static const std::vector<SprigVector> vectors = {
      {"default",
       R"t({{default "foo" ""}} {{default "foo" "bar"}} {{default "foo"}})t",
       "foo bar foo"},
      {"default",
       R"t({{default 1 0}} {{default 1 nil}} {{default "x" false}} {{default "x" (list)}} {{default "x" (dict)}} {{default "x" 0.0}})t",
       "1 1 x x x x"},
      {"empty",
       R"t({{empty ""}} {{empty 0}} {{empty nil}} {{empty (list)}} {{empty false}})t",
       "true true true true true"},
      {"empty",
       R"t({{empty "a"}} {{empty 1}} {{empty (list 0)}} {{empty now}})t",
       "false false false false"},
      {"coalesce", R"t({{coalesce 0 1 2}})t", "1"},
      {"coalesce", R"t(<{{coalesce "" nil 0}}> <{{coalesce}}>)t", "<> <>"},
      {"ternary", R"t({{ternary "foo" "bar" true}})t", "foo"},
      {"ternary", R"t({{false | ternary "foo" "bar"}})t", "bar"},
      {"toJson",
       R"t({{toJson (dict "b" (list 1 2.5 nil true "x\"\n<") "a" "é")}})t",
       "{\"a\":\"é\",\"b\":[1,2.5,null,true,\"x\\\"\\n\\u003c\"]}"},
      {"toJson",
       R"t({{toJson 1e21}} {{toJson 1e-7}} {{toJson 100000000.0}} {{toJson nil}} {{toJson (list)}} {{toJson (toDate "2006" "2020")}})t",
       "1e+21 1e-7 100000000 null [] \"2020-01-01T00:00:00Z\""},
      {"toPrettyJson",
       R"t({{toPrettyJson (dict "a" (list 1 2) "b" (dict) "c" (dict "d" 1))}})t",
       "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {},\n  \"c\": {\n    "
       "\"d\": 1\n  }\n}"},
      {"toPrettyJson", R"t({{toPrettyJson (list)}} {{toPrettyJson "x"}})t",
       "[] \"x\""},
      {"typeOf",
       R"t({{typeOf 1}} {{typeOf "a"}} {{typeOf 1.5}} {{typeOf true}} {{typeOf nil}})t",
       "int string float64 bool <nil>"},
      {"typeOf",
       R"t({{typeOf (list)}} {{typeOf (dict)}} {{typeOf (until 1)}} {{typeOf now}} {{typeOf (split "a" "b")}})t",
       "[]interface {} map[string]interface {} []int time.Time "
       "map[string]string"},
      {"typeIs", R"t({{typeIs "int" 1}} {{typeIs "string" 1}})t", "true false"},
      {"typeIs", R"t({{typeIs "*semver.Version" (semver "1.2.3")}})t", "true"},
      {"typeIsLike", R"t({{typeIsLike "semver.Version" (semver "1.2.3")}})t",
       "true"},
      {"typeIsLike", R"t({{typeIsLike "int" 1}} {{typeIsLike "int64" 1}})t",
       "true false"},
      {"kindOf",
       R"t({{kindOf 1}} {{kindOf (list)}} {{kindOf (dict)}} {{kindOf nil}})t",
       "int slice map invalid"},
      {"kindOf",
       R"t({{kindOf now}} {{kindOf (semver "1.0.0")}} {{kindOf 1.5}} {{kindOf (int64 1)}})t",
       "struct ptr float64 int64"},
      {"kindIs", R"t({{kindIs "slice" (list)}})t", "true"},
      {"kindIs", R"t({{kindIs "int" "1"}})t", "false"},
      {"deepEqual", R"t({{deepEqual (list 1 2 3) (list 1 2 3)}})t", "true"},
      {"deepEqual",
       R"t({{deepEqual (dict "a" (list 1)) (dict "a" (list 2))}} {{deepEqual 1 (int64 1)}})t",
       "false false"},
      {"base", R"t({{base "foo/bar/baz.txt"}})t", "baz.txt"},
      {"base", R"t({{base ""}} {{base "/"}} {{base "a/b/"}})t", ". / b"},
      {"dir", R"t({{dir "foo/bar/baz"}})t", "foo/bar"},
      {"dir", R"t({{dir ""}} {{dir "/a/"}} {{dir "a"}})t", ". /a ."},
      {"clean", R"t({{clean "foo/bar/../baz"}})t", "foo/baz"},
      {"clean", R"t({{clean ""}} {{clean "//a/./b/"}} {{clean "../x"}})t",
       ". /a/b ../x"},
      {"ext", R"t({{ext "foo.bar"}})t", ".bar"},
      {"ext", R"t({{ext "a/b.tar.gz"}} <{{ext "a.b/c"}}>)t", ".gz <>"},
      {"isAbs", R"t({{isAbs "/foo"}})t", "true"},
      {"isAbs", R"t({{isAbs "foo"}} {{isAbs ""}})t", "false false"},
  };
  return vectors;
}

}  // namespace strake::tasks::file
