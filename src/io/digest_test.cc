#include "io/digest.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace rowgate::io {
namespace {

// The examples of FIPS 180-4 and the empty message.
TEST(Sha256, IsThatOfTheStandard) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  Sha256 million;
  for (int i = 0; i < 1000; ++i) million.update(std::string(1000, 'a'));
  EXPECT_EQ(million.hex(), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, CanBeMovedHalfWay) {
  Sha256 hash;
  hash.update(std::string("a"));
  Sha256 other = std::move(hash);
  other.update(std::string("bc"));
  EXPECT_EQ(other.hex(), sha256_hex("abc"));
}

RC_GTEST_PROP(Sha256Property, PiecesNeverShow, (const std::vector<std::string>& pieces)) {
  Sha256 hash;
  std::string whole;
  for (const std::string& piece : pieces) {
    hash.update(piece);
    whole += piece;
  }
  RC_ASSERT(hash.hex() == sha256_hex(whole));
}

}  // namespace
}  // namespace rowgate::io
