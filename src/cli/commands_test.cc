#include "cli/commands.h"

#include "base/codes.h"
#include "base/errors_page.h"
#include "cli/infer_file.h"
#include "io/files.h"
#include "load/rejects/reject_file.h"
#include "load/run_state.h"
#include "store/store.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>

namespace rowgate::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

struct Said {
  int exit_code = 0;
  std::string out, err;
};

/// Runs commands in a folder of its own with captured stdout and stderr.
class CommandsTest : public ::testing::Test {
 protected:
  CommandsTest() : before_(fs::current_path()) {
    std::string pattern = (fs::temp_directory_path() / "rowgate_commands_XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    fs::current_path(folder_);
    ::unsetenv("ROWGATE_CONFIG");
  }
  ~CommandsTest() override {
    fs::current_path(before_);
    fs::remove_all(folder_);
  }

  static Said run(const std::function<int()>& command) {
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    Said said;
    said.exit_code = command();
    said.out = ::testing::internal::GetCapturedStdout();
    said.err = ::testing::internal::GetCapturedStderr();
    return said;
  }
  Said init(const InitArguments& arguments) {
    return run([&] { return command_init(common_, arguments); });
  }
  static void write(const fs::path& file, std::string_view bytes) { std::ofstream(file) << bytes; }
  static std::string read(const fs::path& file) {
    std::ifstream stream(file);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  Common common_ = {};
  Common json_ = {.terminal = {.json = true}};

 private:
  fs::path before_, folder_;
};

TEST_F(CommandsTest, ExplainTellsCauseAndFixOfACode) {
  const Said said = run([&] { return command_explain(common_, "rule.required", false); });
  EXPECT_EQ(said.exit_code, 0);
  const CodeInfo& about = info(Code::RuleRequired);
  EXPECT_THAT(said.out, AllOf(HasSubstr(about.title), HasSubstr(about.cause), HasSubstr(about.fix)));
}

TEST_F(CommandsTest, ExplainSuggestsTheNearestCode) {
  const Said said = run([&] { return command_explain(common_, "rule.requird", false); });
  EXPECT_EQ(said.exit_code, 2);
  EXPECT_EQ(said.out, "");
  EXPECT_THAT(said.err, HasSubstr("did you mean rule.required?"));
}

TEST_F(CommandsTest, ExplainListsEveryCode) {
  const Said said = run([&] { return command_explain(json_, std::nullopt, false); });
  const Json list = Json::parse(said.out)["items"];
  ASSERT_EQ(list.size(), all_codes().size());
  for (std::size_t i = 0; i < list.size(); ++i) EXPECT_EQ(list[i]["code"], all_codes()[i].text);
}

TEST_F(CommandsTest, ExplainPrintsThePageOfErrors) {
  EXPECT_EQ(run([&] { return command_explain(common_, std::nullopt, true); }).out, errors_page());
}

TEST_F(CommandsTest, VersionNamesCompilerAndDatabase) {
  const Json version = Json::parse(run([&] { return command_version(json_); }).out);
  EXPECT_TRUE(version["version"].is_string());
  EXPECT_TRUE(version["compiler"].is_string());
  EXPECT_THAT(version["database"].get<std::string>(), HasSubstr("SQLite"));
}

TEST_F(CommandsTest, InitNeverOverwritesUnlessForced) {
  EXPECT_EQ(init({}).exit_code, 0);
  write("rowgate.yaml", "mine");
  const Said again = init({});
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_THAT(again.err, AllOf(HasSubstr("rowgate.yaml"), HasSubstr("--force")));
  EXPECT_EQ(read("rowgate.yaml"), "mine");
  EXPECT_EQ(init({.force = true}).exit_code, 0);
  EXPECT_THAT(read("rowgate.yaml"), HasSubstr("database:"));
}

TEST_F(CommandsTest, InitWritesNothingWhereOneOfItsFilesIsThere) {
  write("jobs.csv", "mine");
  EXPECT_EQ(init({.example = "hr"}).exit_code, 2);
  EXPECT_FALSE(fs::exists("rowgate.yaml"));
  EXPECT_EQ(read("jobs.csv"), "mine");
}

TEST_F(CommandsTest, EveryInitWritesAValidConfiguration) {
  write("people.csv", "id,name\n1,Ada\n2,Bob\n");
  write("semi colon.csv", "id;since\n1;2021-01-01\n");
  const std::pair<InitArguments, const char*> cases[] = {
      {{}, "0 tables, 0 reports"},
      {{.example = "hr"}, "3 tables, 2 reports"},
      {{.example = "hr", .strict = true}, "3 tables, 2 reports"},
      {{.files = {"people.csv", "semi colon.csv"}}, "2 tables, 0 reports"},
  };
  for (auto [arguments, summary] : cases) {
    arguments.force = true;
    ASSERT_EQ(init(arguments).exit_code, 0);
    const Said check = run([&] { return command_config_check(common_); });
    EXPECT_EQ(check.exit_code, 0) << check.err << read("rowgate.yaml");
    EXPECT_THAT(check.out, HasSubstr(summary));
  }
}

TEST_F(CommandsTest, InferredTablesAreToldByTablesAndSchema) {
  write("people.csv", "id,name\n1,Ada\n2,Bob\n");
  ASSERT_EQ(init({.files = {"people.csv"}}).exit_code, 0);
  const Said list = run([&] { return command_tables(common_, std::nullopt); });
  EXPECT_EQ(list.exit_code, 0) << list.err;
  EXPECT_THAT(list.out, HasSubstr("people"));
  const Said sql = run([&] { return command_schema_show(common_, "people", "sql"); });
  EXPECT_THAT(sql.out, AllOf(HasSubstr("CREATE TABLE"), HasSubstr("INTEGER")));
  const Said rows = run([&] { return command_rows(common_, {.table = "people"}); });
  EXPECT_EQ(rows.exit_code, 0);
  EXPECT_THAT(rows.err, HasSubstr("not in the database yet"));
  const Said unknown = run([&] { return command_tables(common_, "peple"); });
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("did you mean people?"));
}

TEST_F(CommandsTest, SchemaInferPrintsTypes) {
  write("people.csv", "id,name\n1,Ada\n2,Bob\n");
  const Said said = run([&] { return command_schema_infer(json_, {"people.csv"}, "yaml", std::nullopt); });
  ASSERT_EQ(said.exit_code, 0) << said.err;
  const Json fields = Json::parse(said.out)["fields"];
  EXPECT_EQ(fields[0]["type"], "integer");
  EXPECT_EQ(fields[1]["name"], "name");
}

TEST_F(CommandsTest, ConfigShowNamesTheOriginOfAValue) {
  ASSERT_EQ(init({}).exit_code, 0);
  const Said said = run([&] { return command_config_show(common_, true, "database"); });
  EXPECT_EQ(said.exit_code, 0);
  EXPECT_THAT(said.out,
              AllOf(HasSubstr("database.url"), HasSubstr("rowgate.yaml"), Not(HasSubstr("storage"))));
}

TEST_F(CommandsTest, DoctorIsContentWithAFreshStart) {
  ASSERT_EQ(init({}).exit_code, 0);
  const Said said = run([&] { return command_doctor(common_); });
  EXPECT_EQ(said.exit_code, 0) << said.out;
  EXPECT_FALSE(fs::exists("data")) << "looking must not make anything";
}

TEST_F(CommandsTest, DoctorTellsABrokenConfiguration) {
  write("rowgate.yaml", "limts: {}\n");
  const Said said = run([&] { return command_doctor(json_); });
  EXPECT_EQ(said.exit_code, 1);
  const Json answer = Json::parse(said.out);
  EXPECT_FALSE(answer["ok"]);
  EXPECT_EQ(answer["checks"][0]["name"], "config");
}

/// A run that stands in the spool folder only, as while it is loading.
class RunsTest : public CommandsTest {
 protected:
  RunsTest() { EXPECT_EQ(init({}).exit_code, 0); }

  static db::RunRecord record(std::string id) {
    db::RunRecord run;
    run.id = std::move(id);
    run.table = "people";
    run.file_name = "people.csv";
    run.created_at = run.started_at = Timestamp{1'700'000'000'000'000};
    return run;
  }
  static load::RunState started(const db::RunRecord& run) {
    auto state = load::RunState::create(fs::absolute("data/spool"), {run});
    if (!state) throw std::runtime_error(to_text(state.error()));
    return *std::move(state);
  }
};

constexpr const char* kOne = "run_06FAQ3T9Z8V4N1H7C2XKJ5M0RW";
constexpr const char* kTwo = "run_06FAQ3T9Z8V4N1H7C2XKJ5M0RX";

TEST_F(RunsTest, ARunIsRunningWhileItsOwnerLives) {
  const auto status = [&] {
    return Json::parse(
        run([&] { return command_runs_list(json_, std::nullopt, 20); }).out)["items"][0]["status"];
  };
  {
    const load::RunState state = started(record(kOne));
    EXPECT_EQ(status(), "running");
  }
  EXPECT_EQ(status(), "interrupted");
}

TEST_F(RunsTest, ARunIsFoundByAPrefixOfItsId) {
  const load::RunState state = started(record(kOne));
  for (const char* prefix : {kOne, "run_06FAQ3", "06faq3", "06FAQ3T9Z8V4N1H7C2XKJ5M0RW"}) {
    const Said said = run([&] { return command_runs_show(json_, prefix); });
    ASSERT_EQ(said.exit_code, 0) << prefix << said.err;
    EXPECT_EQ(Json::parse(said.out)["id"], kOne);
  }
}

TEST_F(RunsTest, AnAmbiguousPrefixIsToldWithWhatTellsThemApart) {
  const load::RunState one = started(record(kOne)), two = started(record(kTwo));
  const Said said = run([&] { return command_runs_show(common_, "run_06FAQ3"); });
  EXPECT_EQ(said.exit_code, 1);
  EXPECT_THAT(said.err, AllOf(HasSubstr("2 runs begin with"), HasSubstr(kOne), HasSubstr(kTwo)));
  EXPECT_EQ(run([&] { return command_runs_show(common_, kTwo); }).exit_code, 0);
}

TEST_F(RunsTest, AnUnknownRunIsTold) {
  const Said said = run([&] { return command_rejects_show(common_, "run_0000", false); });
  EXPECT_EQ(said.exit_code, info(Code::RunUnknown).exit_code);
  EXPECT_THAT(said.err, HasSubstr("run.unknown"));
}

/// A run that has refused two of three rows, with its reject file.
class RejectsTest : public RunsTest {
 protected:
  RejectsTest() : state_(started(refused())) {
    const std::unique_ptr<store::Store> store = store::dir_store(fs::absolute("data/files"));
    Result<load::RejectFileWriter> file = load::RejectFileWriter::create(
        *store,
        {.run = kOne,
         .table = "people",
         .file = "people.csv",
         .columns = {"id", "name"},
         .schema = R"({"fields": [{"name": "id", "type": "integer"}, {"name": "name"}]})"},
        1 << 30);
    EXPECT_TRUE(file);
    EXPECT_TRUE(file->add(bad_record(2, "x"), "x,Ada"));
    EXPECT_TRUE(file->add(bad_record(4, "y"), "y,Bob"));
    EXPECT_TRUE(file->close());
  }

  static db::RunRecord refused() {
    db::RunRecord run = record(kOne);
    run.rows_read = 3;
    run.rows_accepted = 1;
    run.rows_rejected = 2;
    run.rejects = {{Code::ValueNotInteger, "id", 2, 2}};
    return run;
  }
  static table::Reject bad_record(std::uint64_t line, std::string found) {
    return {.line = line,
            .record = line - 1,
            .offset = 8 * (line - 1),
            .problems = {{.code = Code::ValueNotInteger,
                          .field = 0,
                          .column = 0,
                          .at = {line, 1},
                          .found = std::move(found)}}};
  }

  load::RunState state_;
};

TEST_F(RejectsTest, ShowGroupsThemAndListsTheFirst) {
  const Said said = run([&] { return command_rejects_show(common_, "06FAQ", false); });
  EXPECT_EQ(said.exit_code, 0) << said.err;
  EXPECT_THAT(said.out, AllOf(HasSubstr("2 rows refused of 3"), HasSubstr("value.not_integer"),
                              HasSubstr("`x` is not a whole number")));
}

TEST_F(RejectsTest, ShowAsJsonIsOneDocument) {
  const Json answer = Json::parse(run([&] { return command_rejects_show(json_, kOne, true); }).out);
  EXPECT_EQ(answer["run"], kOne);
  ASSERT_EQ(answer["items"].size(), 2U);
  EXPECT_EQ(answer["items"][1]["raw"], "y,Bob");
}

TEST_F(RejectsTest, ExportWritesARepairableFile) {
  const Said said = run([&] { return command_rejects_export(common_, kOne, "csv", "repair.csv"); });
  EXPECT_EQ(said.exit_code, 0) << said.err;
  EXPECT_EQ(said.out, "");
  EXPECT_THAT(read("repair.csv"),
              AllOf(HasSubstr("id,name,rg_run,rg_line"), HasSubstr("x,Ada,"), HasSubstr("y,Bob,")));
}

TEST_F(RejectsTest, DoctorLeavesTheStorageAsItWas) {
  EXPECT_EQ(run([&] { return command_doctor(common_); }).exit_code, 0);
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator("data/files"))
    names.push_back(entry.path().filename().string());
  EXPECT_THAT(names, ::testing::ElementsAre("rejects"));
}

TEST_F(RejectsTest, ExportRefusesAnUnknownFormat) {
  EXPECT_EQ(run([&] { return command_rejects_export(common_, kOne, "xml", "repair.xml"); }).exit_code, 2);
  EXPECT_FALSE(fs::exists("repair.xml"));
}

TEST_F(RejectsTest, ARunWithoutRejectsSaysSo) {
  db::RunRecord clean = record(kTwo);
  clean.status = db::RunStatus::Failed;
  const load::RunState other = started(clean);
  const Said said = run([&] { return command_rejects_show(common_, kTwo, false); });
  EXPECT_EQ(said.exit_code, 0);
  EXPECT_THAT(said.err, HasSubstr("refused no rows"));
}

}  // namespace
}  // namespace rowgate::cli
