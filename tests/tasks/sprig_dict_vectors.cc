// Vectors of sprig's functions; see sprig_vectors.h.

#include "tests/tasks/sprig_vectors.h"

namespace strake::tasks::file {

const std::vector<SprigVector>& DictVectors() {
  static const std::vector<SprigVector> vectors = {
      {"dict", R"t({{dict "name1" "value1" "name2" 2}})t",
       "map[name1:value1 name2:2]"},
      {"dict", R"t({{dict 1 2 "odd"}} {{dict}} {{typeOf (dict)}})t",
       "map[1:2 odd:] map[] map[string]interface {}"},
      {"set", R"t({{$d := dict "a" 1}}{{$_ := set $d "b" 2}}{{$d}})t",
       "map[a:1 b:2]"},
      {"set", R"t({{set (dict "a" 1) "a" "x"}})t", "map[a:x]"},
      {"unset", R"t({{unset (dict "a" 1 "b" 2) "a"}})t", "map[b:2]"},
      {"unset", R"t({{unset (dict "a" 1) "zz"}})t", "map[a:1]"},
      {"hasKey", R"t({{hasKey (dict "a" nil) "a"}})t", "true"},
      {"hasKey", R"t({{hasKey (dict "a" 1) "b"}})t", "false"},
      {"pluck", R"t({{pluck "a" (dict "a" 1) (dict "b" 2) (dict "a" 3)}})t",
       "[1 3]"},
      {"pluck", R"t({{pluck "x" (dict "a" 1)}})t", "[]"},
      {"keys", R"t({{keys (dict "b" 1) | sortAlpha}})t", "[b]"},
      {"keys",
       R"t({{keys (dict "a" 1) (dict "b" 2 "a" 1) | sortAlpha}} {{keys}})t",
       "[a a b] []"},
      {"values", R"t({{values (dict "a" 1)}})t", "[1]"},
      {"values", R"t({{values (dict)}} {{values (dict "a" "x" "b" "x")}})t",
       "[] [x x]"},
      {"pick", R"t({{pick (dict "a" 1 "b" 2 "c" 3) "a" "c" "zz"}})t",
       "map[a:1 c:3]"},
      {"pick", R"t({{pick (dict "a" 1)}})t", "map[]"},
      {"omit", R"t({{omit (dict "a" 1 "b" 2 "c" 3) "a" "c" "zz"}})t",
       "map[b:2]"},
      {"omit", R"t({{omit (dict "a" 1)}})t", "map[a:1]"},
      {"merge",
       R"t({{merge (dict "a" 1 "d" (dict "x" 1)) (dict "a" 2 "b" 3 "d" (dict "x" 2 "y" 2))}})t",
       "map[a:1 b:3 d:map[x:1 y:2]]"},
      {"merge",
       R"t({{merge (dict "a" 0 "b" false "c" nil) (dict "a" 5 "b" true "c" 1) (dict "a" 6 "z" "last")}})t",
       "map[a:5 b:true c:1 z:last]"},
      {"merge", R"t({{$d := dict}}{{$_ := merge $d (dict "k" "v")}}{{$d}})t",
       "map[k:v]"},
      {"mergeOverwrite",
       R"t({{mergeOverwrite (dict "a" 1 "d" (dict "x" 1)) (dict "a" 2 "b" 3 "d" (dict "y" 2))}})t",
       "map[a:2 b:3 d:map[x:1 y:2]]"},
      {"mergeOverwrite",
       R"t({{mergeOverwrite (dict "a" 1 "b" (list 1)) (dict "a" "" "b" (list 2))}})t",
       "map[a: b:[2]]"},
      {"deepCopy",
       R"t({{$d := dict "a" (dict "b" 1)}}{{$c := deepCopy $d}}{{$_ := set $d.a "b" 2}}{{$c}}{{$d}})t",
       "map[a:map[b:1]]map[a:map[b:2]]"},
      {"deepCopy", R"t({{deepCopy (list 1 (dict "a" 1))}} {{deepCopy 5}})t",
       "[1 map[a:1]] 5"},
  };
  return vectors;
}

}  // namespace strake::tasks::file
