#include "api/core/negotiation.h"

#include <gtest/gtest.h>

namespace rowgate::api {
namespace {

constexpr std::string_view kForms = "application/json text/csv";

TEST(Negotiation, TakesWhatTheClientLikesBest) {
  struct Case {
    const char* accept;
    const char* form;
  };
  const Case cases[] = {
      {"", "application/json"},
      {"*/*", "application/json"},
      {"text/csv", "text/csv"},
      {"TEXT/CSV", "text/csv"},
      {"text/*", "text/csv"},
      {"text/csv;q=0.5, application/json;q=0.4", "text/csv"},
      {"application/json, text/csv", "application/json"},
      {"text/csv; header=present", "text/csv"},
      {"*/*;q=0.1, text/csv", "text/csv"},
      {"application/json;q=0, */*", "text/csv"},
      {"text/html, */*;q=0.8", "application/json"},
      {"image/png", ""},
      {"text/csv;q=0", ""},
      {"application/*+json", ""},
      {"text/csv;q=nonsense", "text/csv"},
      {",,text/csv,,", "text/csv"},
  };
  for (const Case& c : cases) EXPECT_EQ(best_form(kForms, c.accept), c.form) << c.accept;
}

TEST(Negotiation, ComparesETagsWeakly) {
  EXPECT_TRUE(names_etag("\"v1\"", "\"v1\""));
  EXPECT_TRUE(names_etag("W/\"v1\"", "\"v1\""));
  EXPECT_TRUE(names_etag("\"v0\", \"v1\"", "\"v1\""));
  EXPECT_TRUE(names_etag(" * ", "\"v1\""));
  EXPECT_FALSE(names_etag("\"v10\"", "\"v1\""));
  EXPECT_FALSE(names_etag("v1", "\"v1\""));
  EXPECT_FALSE(names_etag("", "\"v1\""));
}

}  // namespace
}  // namespace rowgate::api
