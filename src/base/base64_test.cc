#include "base/base64.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace rowgate {
namespace {

TEST(Base64, WritesTheVectorsOfRfc4648) {
  const std::pair<const char*, const char*> vectors[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
      {"\xFB\xEF\xFF", "++//"},
  };
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(base64_encode(bytes), text);
    EXPECT_EQ(base64_decode(text), bytes);
  }
}

TEST(Base64, RefusesWhatItWouldNotWrite) {
  const std::pair<const char*, const char*> cases[] = {
      {"no padding", "Zg"},
      {"too little padding", "Zg="},
      {"too much padding", "Z==="},
      {"nothing but padding", "===="},
      {"padding in the middle", "Zg==Zg=="},
      {"a digit behind padding", "Zg=v"},
      {"a line end", "Zm9v\n"},
      {"a line end inside", "Zm9\n"},
      {"a space", "Zm 9"},
      {"the alphabet of URLs", "--__"},
      {"a byte that is not ASCII", "Zm9\xC3"},
      {"bits behind one byte that nothing carries", "Zh=="},
      {"bits behind two bytes that nothing carries", "Zm9="},
  };
  for (const auto& [name, text] : cases) EXPECT_EQ(base64_decode(text), std::nullopt) << name;
}

RC_GTEST_PROP(Base64Property, WhatItWritesReadsBackTheSame, (const std::string& bytes)) {
  const std::string text = base64_encode(bytes);
  RC_ASSERT(text.size() == (bytes.size() + 2) / 3 * 4);
  RC_ASSERT(base64_decode(text) == bytes);
}

// Each value has one text only: whatever is accepted is what would be written.
RC_GTEST_PROP(Base64Property, OneTextForEachValue, ()) {
  const auto text = *rc::gen::container<std::string>(rc::gen::elementOf(std::string("AQgwZ9+/=")));
  if (const auto bytes = base64_decode(text)) RC_ASSERT(base64_encode(*bytes) == text);
}

}  // namespace
}  // namespace rowgate
