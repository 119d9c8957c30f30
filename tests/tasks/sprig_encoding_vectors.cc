// Vectors of sprig's functions; see sprig_vectors.h.

#include "tests/tasks/sprig_vectors.h"

namespace strake::tasks::file {

const std::vector<SprigVector>& EncodingVectors() {
  static const std::vector<SprigVector> vectors = {
      {"b64enc", R"t({{b64enc "hello"}} {{b64enc "hi?>"}})t",
       "aGVsbG8= aGk/Pg=="},
      {"b64enc", R"t({{"a" | b64enc}} <{{b64enc ""}}>)t", "YQ== <>"},
      {"b64dec", R"t({{b64dec "aGVsbG8="}} {{b64dec "aGVs\nbG8="}})t",
       "hello hello"},
      {"b64dec", R"t({{b64dec "!!!"}} {{b64dec "aGk"}})t",
       "illegal base64 data at input byte 0 illegal base64 data at input byte "
       "0"},
      {"b32enc", R"t({{b32enc "hello"}} {{b32enc "hi"}})t",
       "NBSWY3DP NBUQ===="},
      {"b32enc", R"t(<{{b32enc ""}}> {{b32enc "foobar"}})t",
       "<> MZXW6YTBOI======"},
      {"b32dec", R"t({{b32dec "NBSWY3DP"}} {{b32dec "NBUQ===="}})t",
       "hello hi"},
      {"b32dec", R"t({{b32dec "!!"}} {{b32dec "MZXW6YTBOI======"}})t",
       "illegal base32 data at input byte 0 foobar"},
      {"sha1sum", R"t({{sha1sum "Hello world!"}})t",
       "d3486ae9136e7856bc42212385ea797094475802"},
      {"sha1sum", R"t({{sha1sum ""}})t",
       "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
      {"sha256sum", R"t({{sha256sum "Hello world!"}})t",
       "c0535e4be2b79ffd93291305436bf889314e4a3faec05ecffcbb7df31ad9e51a"},
      {"sha256sum", R"t({{sha256sum ""}})t",
       "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"adler32sum", R"t({{adler32sum "Hello world!"}})t", "487130206"},
      {"adler32sum", R"t({{adler32sum ""}} {{adler32sum "a"}})t", "1 6422626"},
      {"derivePassword",
       R"t({{derivePassword 1 "long" "password" "user" "example.com"}})t",
       "ZedaFaxcZaso9*"},
      {"derivePassword",
       R"t({{derivePassword 2 "maximum" "password" "user" "example.com"}})t",
       "O8-6Bwz1*I5XVPPq)@H!"},
      {"derivePassword",
       R"t({{derivePassword 1 "pin" "password" "user" "example.com"}} {{derivePassword 1 "nope" "p" "u" "s"}})t",
       "6685 cannot find password template nope"},
      {"encryptAES",
       R"t({{encryptAES "secretkey" "plaintext" | decryptAES "secretkey"}})t",
       "plaintext"},
      {"encryptAES",
       R"t(<{{encryptAES "k" ""}}> {{encryptAES "k" "0123456789abcdef" | b64dec | len}})t",
       "<> 48"},
      {"decryptAES",
       R"t({{decryptAES "secretkey" "30tEfhuJSVRhpG97XCuWgz2okj7L8vQ1s6V9zVUPeDQ="}})t",
       "plaintext"},
      {"decryptAES", R"t(<{{decryptAES "k" ""}}>)t", "<>"},
      {"genPrivateKey", R"t({{genPrivateKey "x"}})t", "Unknown type x"},
      {"genPrivateKey",
       R"t({{genPrivateKey "ecdsa" | hasPrefix "-----BEGIN EC PRIVATE KEY-----\n"}})t",
       "true"},
  };
  return vectors;
}

}  // namespace strake::tasks::file
