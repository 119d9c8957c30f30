// Vectors of sprig's functions; see sprig_vectors.h.

#include "tests/tasks/sprig_vectors.h"

namespace strake::tasks::file {

const std::vector<SprigVector>& RegexVectors() {
  static const std::vector<SprigVector> vectors = {
      {"regexMatch",
       R"t({{regexMatch "^[A-Za-z0-9._%+-]+@[a-z.]+\\.[a-z]{2,}$" "test@acme.com"}})t",
       "true"},
      {"regexMatch", R"t({{regexMatch "^a$" "ab"}} {{regexMatch "[" "["}})t",
       "false false"},
      {"regexFind", R"t({{regexFind "[a-zA-Z][1-9]" "abcd1234"}})t", "d1"},
      {"regexFind", R"t(<{{regexFind "x" "abc"}}>)t", "<>"},
      {"regexFindAll", R"t({{regexFindAll "[2,4,6,8]" "123456789" -1}})t",
       "[2 4 6 8]"},
      {"regexFindAll",
       R"t({{regexFindAll "a{2}" "none aaaa aaa" 2}} {{regexFindAll "a*" "baac" -1 | join "|"}})t",
       "[aa aa] |aa|"},
      {"regexReplaceAll",
       R"t({{regexReplaceAll "a(x*)b" "-ab-axxb-" "${1}W"}})t", "-W-xxW-"},
      {"regexReplaceAll",
       R"t({{regexReplaceAll "(?P<u>\\w+)@(\\w+)" "me@here" "$2 at $u $$"}} {{regexReplaceAll "b*" "abc" "-"}})t",
       "here at me $ -a-c-"},
      {"regexReplaceAllLiteral",
       R"t({{regexReplaceAllLiteral "a(x*)b" "-ab-axxb-" "${1}"}})t",
       "-${1}-${1}-"},
      {"regexReplaceAllLiteral", R"t({{regexReplaceAllLiteral "" "ab" "."}})t",
       ".a.b."},
      {"regexSplit", R"t({{regexSplit "z+" "pizza" -1}})t", "[pi a]"},
      {"regexSplit",
       R"t({{regexSplit "a" "banana" 2 | join "|"}} {{regexSplit "" "abc" -1}} {{regexSplit "," "" -1 | len}})t",
       "b|nana [a b c] 1"},
      {"semver",
       R"t({{$v := semver "v1.2.3-alpha.1+123"}}{{$v.Major}} {{$v.Minor}} {{$v.Patch}} {{$v.Prerelease}} {{$v.Metadata}} {{$v.Original}} {{$v}})t",
       "1 2 3 alpha.1 123 v1.2.3-alpha.1+123 1.2.3-alpha.1+123"},
      {"semver",
       R"t({{semver "1.2"}} {{(semver "1.2.3").Compare (semver "1.3.0")}} {{(semver "1.2.3").IncMinor}})t",
       "1.2.0 -1 1.3.0"},
      {"semverCompare",
       R"t({{semverCompare "1.2.3" "1.2.3"}} {{semverCompare "^1.2.0" "1.3.0"}} {{semverCompare "^0.2.3" "0.3.0"}} {{semverCompare "~1.2" "1.3.0"}})t",
       "true true false false"},
      {"semverCompare",
       R"t({{semverCompare "1.x" "1.9.9"}} {{semverCompare "*" "1.0.0-rc1"}} {{semverCompare ">=1.2.3, <2.0.0 || >3.0.0" "3.0.1"}} {{semverCompare "1.2 - 1.4.5" "1.4.6"}})t",
       "true false true false"},
      {"semverCompare",
       R"t({{semverCompare ">1.1" "1.1.5"}} {{semverCompare "!=1.2" "1.2.5"}} {{semverCompare "<=1" "1.9.9"}} {{semverCompare ">1.2.3-beta.2" "1.2.3-beta.10"}})t",
       "false false true true"},
      {"urlParse",
       R"t({{urlParse "http://admin:secret@server.com:8080/api?list=false#anchor"}})t",
       "map[fragment:anchor host:server.com:8080 hostname:server.com opaque: "
       "path:/api query:list=false scheme:http userinfo:admin:secret]"},
      {"urlParse",
       R"t({{urlParse "mailto:a@b.c"}} {{(urlParse "/a%20b?x").path}} {{(urlParse "http://[::1]:80/").hostname}})t",
       "map[fragment: host: hostname: opaque:a@b.c path: query: scheme:mailto "
       "userinfo:] /a b ::1"},
      {"urlJoin",
       R"t({{urlJoin (dict "fragment" "fragment" "host" "host:80" "path" "/path" "query" "query" "scheme" "http")}})t",
       "http://host:80/path?query#fragment"},
      {"urlJoin",
       R"t({{urlJoin (dict "host" "h" "path" "a b")}} {{urlJoin (dict "scheme" "mailto" "opaque" "a@b")}} {{urlJoin (urlParse "https://u:p@h:1/a/b?c=d&e#f")}})t",
       "//h/a%20b mailto:a@b https://u:p@h:1/a/b?c=d&e#f"},
  };
  return vectors;
}

}  // namespace strake::tasks::file
