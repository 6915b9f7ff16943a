#include "http/multipart.h"

#include <gtest/gtest.h>

#include <vector>

namespace rowgate::http {
namespace {

struct Part {
  std::string name, filename, type, data;
  friend bool operator==(const Part&, const Part&) = default;
};

/// The parts, or the error's message as the only one's name.
std::vector<Part> parse(std::string_view body, std::size_t piece) {
  std::vector<Part> parts;
  MultipartParser parser("B",
                         {.begin = [&](const PartHead& head) -> Result<void> {
                            parts.push_back({head.name, head.filename.value_or("-"), head.content_type, ""});
                            return {};
                          },
                          .data = [&](std::string_view bytes) -> Result<void> {
                            parts.back().data += bytes;
                            return {};
                          }});
  const auto feed_all = [&]() -> Result<void> {
    for (std::size_t at = 0; at < body.size(); at += piece) TRY(parser.feed(body.substr(at, piece)));
    return parser.finish();
  };
  if (const Result<void> fed = feed_all(); !fed) return {{fed.error().message, "", "", ""}};
  return parts;
}

struct FormCase {
  const char* name;
  const char* body;
  std::vector<Part> parts;
};

const FormCase kFormCases[] = {
    {"one file",
     "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\nContent-Type: "
     "text/csv\r\n\r\n"
     "id\r\n1\r\n\r\n--B--\r\n",
     {{"file", "a.csv", "text/csv", "id\r\n1\r\n"}}},
    {"preamble, padding, epilogue, no last line end",
     "hello\r\n--B  \r\ncontent-disposition:form-data;name=a\r\n\r\nx\r\n--B--trailer",
     {{"a", "-", "text/plain", "x"}}},
    {"an empty part and one that looks like a boundary",
     "--B\r\nContent-Disposition: form-data; name=e\r\n\r\n\r\n--B\r\nContent-Disposition: form-data; "
     "name=f\r\n\r\n"
     "\r\n-\r\n--\r\n--A\r\n--B--",
     {{"e", "-", "text/plain", ""}, {"f", "-", "text/plain", "\r\n-\r\n--\r\n--A"}}},
    {"quotes, semicolons and escapes in a file name",
     "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a;\\\"b\\\".csv\"\r\n\r\n1\r\n--B--",
     {{"f", "a;\"b\".csv", "text/plain", "1"}}},
    {"no name",
     "--B\r\nContent-Disposition: form-data; filename=\"a.csv\"\r\n\r\n1\r\n--B--",
     {{"a part of the form has no name", "", "", ""}}},
    {"no disposition", "--B\r\n\r\n1\r\n--B--", {{"a part of the form has no name", "", "", ""}}},
    {"a header without colon",
     "--B\r\nnonsense\r\n\r\n1\r\n--B--",
     {{"a part of the form has a header that is none", "", "", ""}}},
    {"cut short",
     "--B\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n",
     {{"the form is cut short: its closing boundary is missing", "", "", ""}}},
    {"nothing", "", {{"the form is cut short: its closing boundary is missing", "", "", ""}}},
    {"a boundary that goes on",
     "--Bx\r\n\r\n1\r\n--B--",
     {{"a boundary of the form is not followed by a line end", "", "", ""}}},
    {"base64",
     "--B\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: "
     "base64\r\n\r\nMQ==\r\n--B--",
     {{"a part of the form is in a transfer encoding", "", "", ""}}},
};

TEST(Multipart, TakesFormsApartHoweverTheyAreCut) {
  for (const FormCase& c : kFormCases) {
    SCOPED_TRACE(c.name);
    for (const std::size_t piece : {1u, 2u, 3u, 7u, 1000u}) EXPECT_EQ(parse(c.body, piece), c.parts) << piece;
  }
}

TEST(Multipart, BoundsWhatItKeeps) {
  const std::string head = "--B\r\nContent-Disposition: form-data; name=a\r\nX: ";
  EXPECT_EQ(parse(head + std::string(9000, 'x') + "\r\n\r\n1\r\n--B--", 100)[0].name,
            "the header of a part of the form is too large");
  std::string many;
  for (int i = 0; i < 101; ++i) many += "--B\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n";
  EXPECT_EQ(parse(many + "--B--", 1000)[0].name, "the form has more than 100 parts");
  EXPECT_EQ(parse("--B" + std::string(9000, ' '), 1000)[0].name,
            "a boundary of the form is not followed by a line end");
}

TEST(Multipart, ReadsParametersOfHeaders) {
  EXPECT_EQ(header_parameter("text/csv; charset=UTF-8; header=present", "charset"), "UTF-8");
  EXPECT_EQ(header_parameter("text/csv; charset=\"iso-8859-1\"", "charset"), "iso-8859-1");
  EXPECT_EQ(header_parameter("text/csv", "charset"), std::nullopt);
  EXPECT_EQ(header_parameter("form-data; name=\"x; filename=y\"", "filename"), std::nullopt);
}

}  // namespace
}  // namespace rowgate::http
