// Vectors of sprig's functions; see sprig_vectors.h.

#include "tests/tasks/sprig_vectors.h"

namespace strake::tasks::file {

const std::vector<SprigVector>& WordVectors() {
  static const std::vector<SprigVector> vectors = {
      {"title", R"t({{title "hello world foo_bar"}})t", "Hello World Foo_bar"},
      {"title", R"t({{title "it's x-y 1a"}})t", "It'S X-Y 1a"},
      {"untitle", R"t({{untitle "Hello World"}})t", "hello world"},
      {"untitle", R"t({{untitle "  FOO bar"}})t", "  fOO bar"},
      {"initials", R"t({{initials "First Try"}})t", "FT"},
      {"initials", R"t({{initials " now is  the\ttime"}})t", "nitt"},
      {"nospace", R"t({{nospace "hello w o r l d"}})t", "helloworld"},
      {"nospace", R"t({{nospace "\ta\nb"}})t", "ab"},
      {"swapcase", R"t({{swapcase "This Is A.Test"}})t", "tHIS iS a.tEST"},
      {"swapcase", R"t({{swapcase "aB1c"}})t", "Ab1C"},
      {"snakecase",
       R"t({{snakecase "FirstName"}} {{snakecase "HTTPServer"}} {{snakecase "NoHTTPS"}})t",
       "first_name http_server no_https"},
      {"snakecase",
       R"t({{snakecase "GO_PATH GO-PATH http2xx HTTP20xOK Bld4Floor3rd"}})t",
       "go_path_go_path_http_2xx_http_20x_ok_bld4_floor_3rd"},
      {"snakecase",
       R"t({{snakecase "Duration2m3s"}} {{snakecase "a.b"}} {{snakecase ""}} {{snakecase "x1Y2"}})t",
       "duration_2m3s a.b  x1_y2"},
      {"camelcase", R"t({{camelcase "http_server"}})t", "HttpServer"},
      {"camelcase",
       R"t({{camelcase "_foo__bar-baz qux"}} {{camelcase "a"}} {{camelcase "ABC_def"}} {{camelcase "a_"}})t",
       "_Foo_BarBazQux A AbcDef A_"},
      {"kebabcase", R"t({{kebabcase "FirstName"}})t", "first-name"},
      {"kebabcase", R"t({{kebabcase "HTTP20xOK foo_bar"}})t",
       "http-20x-ok-foo-bar"},
      {"wrap", R"t({{wrap 5 "hello world foo"}})t", "hello\nworld\nfoo"},
      {"wrap", R"t({{wrap 3 "abcdefgh ij"}} {{wrap 80 ""}} {{wrap 0 "a b"}})t",
       "abcdefgh\nij  a\nb"},
      {"wrapWith", R"t({{wrapWith 5 "\t" "Hello World"}})t", "Hello\tWorld"},
      {"wrapWith",
       R"t({{wrapWith 5 "-" "helloworld foo"}} {{wrapWith 3 "" "abcdef"}})t",
       "hello-world-foo abc\ndef"},
  };
  return vectors;
}

}  // namespace strake::tasks::file
