#include "table/values/text_formats.h"

#include <gtest/gtest.h>

#include <string>

namespace rowgate::table {
namespace {

TEST(TextFormats, UuidHas36Characters) {
  EXPECT_TRUE(is_uuid("123e4567-e89b-12d3-a456-426614174000"));
  EXPECT_TRUE(is_uuid("123E4567-E89B-12D3-A456-42661417400F"));
  for (const std::string_view text :
       {"", "123e4567e89b12d3a456426614174000", "{123e4567-e89b-12d3-a456-426614174000}",
        "123e4567-e89b-12d3-a456-42661417400g", "123e4567-e89b-12d3-a456-42661417400",
        "123e45678e89b-12d3-a456-426614174000"})
    EXPECT_FALSE(is_uuid(text)) << text;
}

TEST(TextFormats, EmailIsAddrSpecWithoutCommentsAndQuotes) {
  for (const std::string& text : {std::string("a@b"), std::string("ada.lovelace+x@example.org"),
                                  std::string("o'neil@sub.example.co"), std::string(64, 'a') + "@b.example"})
    EXPECT_EQ(why_not_email(text), "") << text;
  for (const std::string& text :
       {std::string(), std::string("nobody"), std::string("@b"), std::string("a@"), std::string("a@b."),
        std::string("a@-b"), std::string("a@b-"), std::string("a b@c"), std::string("a@b c"),
        std::string("a@b@c"), std::string("a@b..c"), std::string(65, 'a') + "@b", "a@" + std::string(64, 'b'),
        std::string("\"a\"@b")})
    EXPECT_NE(why_not_email(text), "") << text;
}

TEST(TextFormats, UriHasASchemeAndNoCharacterToEncode) {
  for (const std::string_view text : {"https://example.org/x?y=1#z", "mailto:a@b", "urn:isbn:0451450523",
                                      "h2:x", "https://[2001:db8::1]/", "https://example.org/%C3%A4"})
    EXPECT_EQ(why_not_uri(text), "") << text;
  for (const std::string_view text :
       {"", "example.org", "//example.org", ":x", "https:", "1a:x", "a b:x", "https://a b",
        "https://example.org/%C", "https://example.org/%zz", "https://example.org/\xC3\xA4"})
    EXPECT_NE(why_not_uri(text), "") << text;
}

}  // namespace
}  // namespace rowgate::table
