# cmake -D INPUT=file -D OUTPUT=image.cc -P embed.cmake
file(READ ${INPUT} bytes HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" escaped "${bytes}")
string(LENGTH "${bytes}" digits)
math(EXPR size "${digits} / 2")
# Lines of 64 bytes, as adjacent string literals.
string(REGEX REPLACE "((\\\\x[0-9a-f][0-9a-f])(\\\\x[0-9a-f][0-9a-f])?(\\\\x[0-9a-f][0-9a-f])?(\\\\x[0-9a-f][0-9a-f])?(\\\\x[0-9a-f][0-9a-f])?(\\\\x[0-9a-f][0-9a-f])?(\\\\x[0-9a-f][0-9a-f])?)"
  "    \"\\1\"\n" lines "${escaped}")
file(WRITE ${OUTPUT} "// Generated from ${INPUT}.
#include \"builder/sandbox/notify/loader/image.h\"

namespace strake::builder::sandbox::notify {

std::string_view LoaderImage() {
  static constexpr char kImage[] =
${lines}    ;
  return {kImage, ${size}};
}

}  // namespace strake::builder::sandbox::notify
")
