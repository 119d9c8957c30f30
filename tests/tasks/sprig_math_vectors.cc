// Vectors of sprig's functions; see sprig_vectors.h.

#include "tests/tasks/sprig_vectors.h"

namespace strake::tasks::file {

const std::vector<SprigVector>& MathVectors() {
  static const std::vector<SprigVector> vectors = {
      {"add", R"t({{add 1 2 3}})t", "6"},
      {"add", R"t({{add "1" 2.9 true nil}} {{add}} {{typeOf (add 1)}})t",
       "4 0 int64"},
      {"add1", R"t({{add1 5}})t", "6"},
      {"add1", R"t({{add1 "41"}})t", "42"},
      {"sub", R"t({{sub 5 2}})t", "3"},
      {"sub", R"t({{sub 2 5}})t", "-3"},
      {"mul", R"t({{mul 2 3 4}})t", "24"},
      {"mul", R"t({{mul 7}})t", "7"},
      {"div", R"t({{div 7 2}})t", "3"},
      {"div", R"t({{div -7 2}} {{div "9" 3}})t", "-3 3"},
      {"mod", R"t({{mod 7 3}})t", "1"},
      {"mod", R"t({{mod -7 3}})t", "-1"},
      {"max", R"t({{max 1 5 3}})t", "5"},
      {"max", R"t({{max -1 "4"}} {{max 2}})t", "4 2"},
      {"biggest", R"t({{biggest 1 5 3}})t", "5"},
      {"biggest", R"t({{biggest -3 -2}})t", "-2"},
      {"min", R"t({{min 2 1 3}})t", "1"},
      {"min", R"t({{min -1 4}})t", "-1"},
      {"ceil", R"t({{ceil 123.001}})t", "124"},
      {"ceil", R"t({{ceil -1.5}} {{ceil "2.1"}})t", "-1 3"},
      {"floor", R"t({{floor 123.9999}})t", "123"},
      {"floor", R"t({{floor -1.5}} {{floor 2}})t", "-2 2"},
      {"round", R"t({{round 123.555555 3}})t", "123.556"},
      {"round", R"t({{round 123.5 0}} {{round 1.5 0 0.6}} {{round "10.5" 0}})t",
       "124 1 11"},
      {"until", R"t({{until 5}})t", "[0 1 2 3 4]"},
      {"until", R"t({{until 0}} {{until -3}})t", "[] [0 -1 -2]"},
      {"untilStep", R"t({{untilStep 3 6 2}})t", "[3 5]"},
      {"untilStep",
       R"t({{untilStep 5 0 -2}} {{untilStep 0 5 -1}} {{untilStep 0 5 0}})t",
       "[5 3 1] [] []"},
      {"atoi", R"t({{atoi "42"}})t", "42"},
      {"atoi", R"t({{atoi "4x"}} {{atoi "-7"}} {{typeOf (atoi "1")}})t",
       "0 -7 int"},
      {"int", R"t({{int "42"}} {{int 3.9}})t", "42 3"},
      {"int", R"t({{int true}} {{int nil}} {{typeOf (int "1")}})t", "1 0 int"},
      {"int64", R"t({{int64 "7"}} {{typeOf (int64 7)}})t", "7 int64"},
      {"int64", R"t({{int64 -3.9}} {{int64 "x"}})t", "-3 0"},
      {"float64", R"t({{float64 "1.5"}} {{float64 3}})t", "1.5 3"},
      {"float64",
       R"t({{float64 "x"}} {{typeOf (float64 1)}} {{float64 "1e3"}})t",
       "0 float64 1000"},
      {"toDecimal", R"t({{toDecimal "0777"}})t", "511"},
      {"toDecimal", R"t({{toDecimal 770}} {{toDecimal "8"}})t", "504 0"},
  };
  return vectors;
}

}  // namespace strake::tasks::file
