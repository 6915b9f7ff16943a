#include "load/load_options.h"

#include <gtest/gtest.h>

namespace rowgate::load {
namespace {

std::shared_ptr<io::SourceFile> people() {
  return io::memory_file("id,name\n1,Ada Example\n", "people.csv");
}

Catalog catalog() {
  Catalog catalog;
  catalog.limits.max_columns = 12;
  catalog.limits.max_rejects = RejectLimit{.count = 3};
  TableConfig& people = catalog.tables.emplace_back(TableConfig{.name = {"hr", "people"}});
  people.schema.fields = {{.name = "id"}, {.name = "name"}};
  people.dialect.delimiter = ';';
  people.enforce_keys = true;
  people.max_rejects = RejectLimit{.count = 7};
  return catalog;
}

TEST(LoadOptions, ATablesSettingsHoldUnlessTheOptionsSayOtherwise) {
  const Catalog known = catalog();
  const Result<LoadRequest> plain = make_request(known, {{}, "people"}, {}, people());
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->table, (db::TableName{"hr", "people"}));
  EXPECT_EQ(plain->schema, &known.tables[0].schema);
  EXPECT_EQ(plain->dialect.delimiter, ';');
  EXPECT_EQ(plain->max_rejects.count, 7U);
  EXPECT_EQ(plain->mode, db::Mode::Append);
  EXPECT_TRUE(plain->enforce_keys);
  EXPECT_FALSE(plain->abort_on_reject);
  const Result<LoadRequest> asked = make_request(known, {{}, "people"},
                                                 {.mode = "upsert",
                                                  .on_reject = "abort",
                                                  .max_rejects = "5%",
                                                  .delimiter = "tab",
                                                  .map = "full name:name",
                                                  .parent = "run_1"},
                                                 people());
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->mode, db::Mode::Upsert);
  EXPECT_TRUE(asked->abort_on_reject);
  EXPECT_EQ(asked->max_rejects.count, std::nullopt);
  EXPECT_EQ(asked->max_rejects.percent, 5);
  EXPECT_EQ(asked->dialect.delimiter, '\t');
  EXPECT_EQ(asked->map, (table::NameMap{{"full name", "name"}}));
  EXPECT_EQ(asked->parent, "run_1");
}

TEST(LoadOptions, AnUnknownTableHasTheLimitsOnly) {
  const Catalog known = catalog();
  const Result<LoadRequest> request = make_request(known, {{}, "other"}, {}, people());
  ASSERT_TRUE(request);
  EXPECT_EQ(request->schema, nullptr);
  EXPECT_EQ(request->dialect.max_columns, 12U);
  EXPECT_EQ(request->max_rejects.count, 3U);
}

TEST(LoadOptions, NonsenseIsRefusedBeforeThereIsAFile) {
  struct Case {
    LoadOptions options;
    const char* says;
  };
  const Case cases[] = {
      {{.mode = "merge"}, "there is no mode \"merge\" (the modes are append, replace and upsert)"},
      {{.mode = ""}, "there is no mode"},
      {{.on_reject = "stop"}, "\"stop\" cannot be done on a reject (on_reject takes skip or abort)"},
      {{.max_rejects = "many"}, "many"},
      {{.delimiter = ";;"}, "\";;\" is not a delimiter"},
      {{.encoding = "ebcdic"}, "the encoding \"ebcdic\" is not known"},
      {{.map = "a"}, "\"a\" does not say which column is which field"},
  };
  for (const Case& c : cases) {
    const Result<void> checked = check(c.options);
    ASSERT_FALSE(checked) << c.says;
    EXPECT_EQ(checked.error().code, Code::RequestInvalid);
    EXPECT_TRUE(to_text(checked.error()).contains(c.says)) << to_text(checked.error());
    EXPECT_FALSE(make_request(catalog(), {{}, "people"}, c.options, people()));
  }
  EXPECT_TRUE(check({}));
}

TEST(LoadOptions, TheFileIsUnpackedAndDecoded) {
  const Result<LoadRequest> request =
      make_request(catalog(), {{}, "people"}, {.encoding = "windows-1252"}, io::memory_file("id\n\x80\n"));
  ASSERT_TRUE(request);
  const Result<std::unique_ptr<io::Source>> source = request->file->open(0);
  ASSERT_TRUE(source);
  EXPECT_EQ(io::read_all(**source, 100).value(), "id\n\xE2\x82\xAC\n");
}

TEST(Delimiter, IsOneCharacterOrAWord) {
  const std::pair<const char*, char> good[] = {
      {";", ';'}, {"|", '|'}, {"tab", '\t'}, {"\\t", '\t'}, {"\t", '\t'}};
  for (const auto& [text, delimiter] : good) {
    const Result<char> read = read_delimiter(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(*read, delimiter);
  }
  for (const char* text : {"", ";;", "\"", "\n", "\xC3\xA9"}) EXPECT_FALSE(read_delimiter(text)) << text;
  EXPECT_FALSE(read_delimiter(std::string_view("\0", 1)));
}

TEST(NameMap, SplitsAtTheLastColon) {
  const Result<table::NameMap> map = read_name_map("full name:name, a:b:c");
  ASSERT_TRUE(map);
  EXPECT_EQ(*map, (table::NameMap{{"full name", "name"}, {"a:b", "c"}}));
  for (const char* wrong : {"", "a", "a:", ":b", "a:b,", "a:b,,c:d"}) {
    const Result<table::NameMap> refused = read_name_map(wrong);
    ASSERT_FALSE(refused) << wrong;
    EXPECT_EQ(refused.error().code, Code::RequestInvalid);
  }
}

}  // namespace
}  // namespace rowgate::load
