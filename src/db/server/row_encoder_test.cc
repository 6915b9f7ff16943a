#include "db/server/row_encoder.h"

#include "db/testing.h"

namespace rowgate::db::server {
namespace {

using table::Type;

std::string encoded(const table::TableSchema& schema, const testing::TestRow& row) {
  const testing::TestBatch batch({row});
  std::string out;
  RowEncoder(schema).append(out, batch.get().row(0));
  return out;
}

TEST(RowEncoder, WritesCanonicalForms) {
  table::TableSchema schema = testing::make_schema({{"a", Type::Integer},
                                                    {"b", Type::Number},
                                                    {"c", Type::Boolean},
                                                    {"d", Type::Datetime},
                                                    {"e", Type::Date},
                                                    {"f", Type::Time},
                                                    {"g", Type::String}});
  EXPECT_EQ(encoded(schema, {-7, 0.1, 1, "2021-11-07T02:48:42Z", "2021-11-07", "02:48:42", "x"}),
            "-7\t0.1\t1\t2021-11-07 02:48:42\t2021-11-07\t02:48:42\tx\n");
  EXPECT_EQ(encoded(schema, {nullptr, 1e22, 0, "2021-11-07T02:48:42.500Z", nullptr, nullptr, ""}),
            "\\N\t1e22\t0\t2021-11-07 02:48:42.500\t\\N\t\\N\t\n");
}

TEST(RowEncoder, EscapesWhatWouldEndAValue) {
  const table::TableSchema schema = testing::make_schema({{"a", Type::String}});
  EXPECT_EQ(encoded(schema, {"a\tb\nc\rd\\e"}), "a\\tb\\nc\\rd\\\\e\n");
  EXPECT_EQ(encoded(schema, {"\\N"}), "\\\\N\n") << "a text, not NULL";
  EXPECT_EQ(encoded(schema, {"\xC3\xA4'\"\x01"}), "\xC3\xA4'\"\x01\n");
}

TEST(RowEncoder, WritesSomeFields) {
  const table::TableSchema schema = testing::make_schema({{"a", Type::Integer}, {"b", Type::String}});
  const testing::TestBatch batch({{5, "x\ty"}});
  std::string out;
  const std::size_t fields[] = {1, 0};
  RowEncoder(schema).append(out, batch.get().row(0), fields);
  EXPECT_EQ(out, "x\\ty\t5\n");
}

}  // namespace
}  // namespace rowgate::db::server
