// Loads of random files against a twin that judges record by record with maps: every verdict, every number
// and every byte must be the same.

#include "db/sqlite/database.h"
#include "load/loader.h"
#include "load/testing.h"

#include <fmt/format.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

namespace rowgate::load {
namespace {

using testing::schema_of;
using testing::stored;

const table::TableSchema kPeople = schema_of(R"({
  "fields": [{"name": "id", "type": "integer"},
             {"name": "name", "type": "string", "constraints": {"required": true, "maxLength": 4}},
             {"name": "email", "type": "string"},
             {"name": "boss_id", "type": "integer"}],
  "primaryKey": ["id"], "uniqueKeys": [["email"]],
  "foreignKeys": [{"fields": ["boss_id"], "reference": {"resource": "", "fields": ["id"]}}]})",
                                             "people");

enum class Kind : std::uint8_t { Row, StrayQuote, TooFew, TooMany, BadUtf8, Nul, Blank };

struct Person {
  Kind kind = Kind::Row;
  std::string id, name, email, boss;  ///< empty = null

  std::string raw() const {
    std::string row =
        fmt::format("{},{},{},{}", id, name.contains('\n') ? '"' + name + '"' : name, email, boss);
    switch (kind) {
      case Kind::Row:
        return row;
      case Kind::StrayQuote:
        return "7,\"a\"b,,";
      case Kind::TooFew:
        return "7,a";
      case Kind::TooMany:
        return row + ",";
      case Kind::BadUtf8:
        return "7,\xC3(,,";
      case Kind::Nul:
        return std::string("7,\0,,", 5);
      case Kind::Blank:
        break;
    }
    return "";
  }
  std::string in_table() const {
    const auto shown = [](const std::string& text) { return text.empty() ? "-" : text; };
    return id + "|" + name + "|" + shown(email) + "|" + shown(boss);
  }
};

struct FileOf {
  std::vector<Person> people;
  std::string line_end = "\n";
  bool last_line_end = true;

  std::string csv() const {
    std::string out = "id,name,email,boss_id" + line_end;
    for (const Person& person : people) out += person.raw() + line_end;
    if (!last_line_end && !people.empty() && people.back().kind != Kind::Blank)
      out.resize(out.size() - line_end.size());
    return out;
  }
};

/// What is right. Rejects by line: the codes with their fields, and the record's bytes.
struct Verdicts {
  std::map<std::uint64_t, std::pair<std::set<std::string>, std::string>> rejects = {};
  std::map<std::uint64_t, Person> accepted = {};
  std::uint64_t read = 0, skipped = 0;
};
using Table = std::map<std::string, Person>;  ///< by id

std::set<std::string> structure_and_rules(const Person& person) {
  switch (person.kind) {
    case Kind::Row:
      break;
    case Kind::StrayQuote:
      return {"csv.stray_quote name"};
    case Kind::TooFew:
      return {"record.too_few_fields "};
    case Kind::TooMany:
      return {"record.too_many_fields "};
    case Kind::BadUtf8:
      return {"record.not_utf8 name"};
    case Kind::Nul:
      return {"csv.nul_byte name"};
    case Kind::Blank:
      return {};
  }
  std::set<std::string> codes;
  if (person.id.empty()) codes.insert("rule.required id");
  if (person.id == "x") codes.insert("value.not_integer id");
  if (person.name.empty()) codes.insert("rule.required name");
  if (person.name.size() > 4) codes.insert("rule.max_length name");
  if (person.boss == "x") codes.insert("value.not_integer boss_id");
  return codes;
}

class Twin {
 public:
  Twin(const FileOf& file, db::Mode mode, const Table& before) : file_(file), mode_(mode), before_(before) {}

  Verdicts judge() {
    read();
    judge_keys_in_file();
    judge_keys_in_table();
    while (judge_parents()) {}
    return std::move(verdicts_);
  }

 private:
  void refuse(std::uint64_t line, const Person& person, std::set<std::string> codes) {
    verdicts_.rejects[line] = {std::move(codes), person.raw()};
  }
  void refuse_all(const std::map<std::uint64_t, std::set<std::string>>& refused) {
    for (const auto& [line, codes] : refused) {
      refuse(line, verdicts_.accepted.at(line), codes);
      verdicts_.accepted.erase(line);
    }
  }

  void read() {
    std::uint64_t line = 2;
    for (const Person& person : file_.people) {
      ++verdicts_.read;
      const std::set<std::string> codes = structure_and_rules(person);
      const std::string raw = person.raw();
      if (raw.find_first_not_of(',') == std::string::npos)
        ++verdicts_.skipped;
      else if (codes.empty())
        verdicts_.accepted[line] = person;
      else
        refuse(line, person, codes);
      line += 1 + static_cast<std::uint64_t>(std::ranges::count(person.raw(), '\n'));
    }
  }
  void judge_keys_in_file() {
    std::set<std::string> ids, emails;
    std::map<std::uint64_t, std::set<std::string>> refused;
    for (const auto& [line, person] : verdicts_.accepted) {
      if (!ids.insert(person.id).second) refused[line].insert("key.duplicate_in_file id");
      if (!person.email.empty() && !emails.insert(person.email).second)
        refused[line].insert("key.duplicate_in_file email");
    }
    refuse_all(refused);
  }
  void judge_keys_in_table() {
    if (mode_ == db::Mode::Replace) return;
    std::map<std::string, std::string> id_by_email;
    for (const auto& [id, row] : before_) id_by_email[row.email] = id;
    std::map<std::uint64_t, std::set<std::string>> refused;
    for (const auto& [line, person] : verdicts_.accepted) {
      if (mode_ == db::Mode::Append && before_.contains(person.id))
        refused[line].insert("key.duplicate_in_table id");
      const auto row = id_by_email.find(person.email);
      const bool taken = !person.email.empty() && row != id_by_email.end();
      if (taken && (mode_ == db::Mode::Append || row->second != person.id))
        refused[line].insert("key.not_unique email");
    }
    refuse_all(refused);
  }
  bool judge_parents() {
    std::set<std::string> ids;
    for (const auto& [line, person] : verdicts_.accepted) ids.insert(person.id);
    std::map<std::uint64_t, std::set<std::string>> refused;
    for (const auto& [line, person] : verdicts_.accepted) {
      const bool in_table = mode_ != db::Mode::Replace && before_.contains(person.boss);
      if (!person.boss.empty() && !ids.contains(person.boss) && !in_table)
        refused[line].insert("key.no_parent boss_id");
    }
    refuse_all(refused);
    return !refused.empty();
  }

  const FileOf& file_;
  db::Mode mode_;
  const Table& before_;
  Verdicts verdicts_;
};

/// A database with its twin, loaded in step.
class InStep {
 public:
  explicit InStep(unsigned threads) : threads_(threads) {}

  /// Empty, or what differs.
  std::string load(const FileOf& file, db::Mode mode) {
    const Verdicts right = Twin(file, mode, table_).judge();
    const std::uint64_t tried = right.read - right.skipped;
    const bool nothing_acceptable = tried > 0 && right.accepted.empty();
    const Table before = table_;
    if (!nothing_acceptable) {
      if (mode == db::Mode::Replace) table_.clear();
      for (const auto& [line, person] : right.accepted) table_[person.id] = person;
    }
    Loader loader(*database_, *store_, clock_,
                  {.spool = folder_.path() / "spool", .check_threads = threads_});
    Progress progress;
    const LoadRequest request{.table = {.name = "people"},
                              .schema = &kPeople,
                              .file = io::memory_file(file.csv()),
                              .mode = mode,
                              .max_rejects = {.percent = 100}};
    const Result<LoadOutcome> outcome = loader.load(request, progress, {}, {});
    if (!outcome) return to_text(outcome.error());
    if (outcome->run.error.has_value() != nothing_acceptable)
      return outcome->run.error ? to_text(*outcome->run.error) : "nothing was acceptable, and it succeeded";
    return difference(outcome->run, right, mode == db::Mode::Upsert && !nothing_acceptable, before);
  }

 private:
  std::string difference(const db::RunRecord& run, const Verdicts& right, bool counts_updates,
                         const Table& before) {
    const std::string numbers =
        fmt::format("{}={}+{}+{}", run.rows_read, run.rows_accepted, run.rows_rejected, run.rows_skipped);
    const std::string expected =
        fmt::format("{}={}+{}+{}", right.read, right.accepted.size(), right.rejects.size(), right.skipped);
    if (numbers != expected) return numbers + " instead of " + expected;
    if (run.rows_read != run.rows_accepted + run.rows_rejected + run.rows_skipped)
      return "unbalanced: " + numbers;
    if (counts_updates) {
      std::uint64_t updated = 0;
      for (const auto& [line, person] : right.accepted) updated += before.contains(person.id) ? 1 : 0;
      if (run.rows_updated != updated || run.rows_inserted != right.accepted.size() - updated)
        return "other counts of inserted and updated rows";
    }
    if (std::string other = rejects_differ(run.id, right); !other.empty()) return other;
    return rows_differ();
  }

  std::string rejects_differ(const std::string& run, const Verdicts& right) {
    if (right.rejects.empty()) return store_->open(reject_file_key(run)) ? "a file of no rejects" : "";
    Result<RejectReader> opened = RejectReader::open(io::memory_file(stored(*store_, reject_file_key(run))));
    if (!opened || !opened->head()) return "no reject file";
    RejectReader& reader = *opened;
    for (const auto& [line, reject] : right.rejects) {
      const auto found = reader.next();
      if (!found || !*found) return fmt::format("the reject of line {} is missing", line);
      std::set<std::string> codes;
      for (const RejectProblem& problem : (*found)->problems)
        codes.insert(fmt::format("{} {}", text(problem.code), problem.field));
      if ((*found)->line != line || codes != reject.first || (*found)->raw != reject.second)
        return fmt::format("line {}: {} '{}' instead of line {}: {} '{}'", (*found)->line,
                           fmt::join(codes, ", "), (*found)->raw, line, fmt::join(reject.first, ", "),
                           reject.second);
    }
    const auto end = reader.next();
    return end && !*end ? "" : "more rejects than there should be";
  }

  std::string rows_differ() {
    if (!database_->exists()) return table_.empty() ? "" : "no database";
    const auto exists = database_->table({.name = "people"});
    if (exists && !*exists && table_.empty()) return "";
    std::vector<std::string> expected;
    for (const auto& [id, person] : table_) expected.push_back(person.in_table());
    std::ranges::sort(expected);
    std::vector<std::string> rows = db::testing::read_rows(*database_, "SELECT * FROM people");
    std::ranges::sort(rows);
    if (rows == expected) return "";
    return fmt::format("the table has\n{}\ninstead of\n{}", fmt::join(rows, "\n"), fmt::join(expected, "\n"));
  }

  testing::TempFolder folder_;
  testing::TickingClock clock_;
  std::unique_ptr<db::Database> database_ = db::sqlite_database(folder_.path() / "rowgate.db");
  std::unique_ptr<store::Store> store_ = store::dir_store(folder_.path() / "store");
  unsigned threads_;
  Table table_;
};

rc::Gen<Person> any_person() {
  const auto number = rc::gen::map(rc::gen::inRange(1, 25), [](int n) { return std::to_string(n); });
  const auto or_other = [](const rc::Gen<std::string>& gen, std::size_t null, std::size_t wrong) {
    return rc::gen::weightedOneOf<std::string>(
        {{20, gen}, {null, rc::gen::just(std::string())}, {wrong, rc::gen::just(std::string("x"))}});
  };
  return rc::gen::build<Person>(
      rc::gen::set(&Person::kind, rc::gen::weightedElement<Kind>({{40, Kind::Row},
                                                                  {1, Kind::StrayQuote},
                                                                  {1, Kind::TooFew},
                                                                  {1, Kind::TooMany},
                                                                  {1, Kind::BadUtf8},
                                                                  {1, Kind::Nul},
                                                                  {2, Kind::Blank}})),
      rc::gen::set(&Person::id, or_other(number, 1, 1)),
      rc::gen::set(&Person::name, rc::gen::weightedElement<std::string>(
                                      {{9, "Ada"}, {9, "Max"}, {3, "A\nB"}, {1, ""}, {1, "Grace"}})),
      rc::gen::set(&Person::email,
                   rc::gen::oneOf(rc::gen::just(std::string()),
                                  rc::gen::map(number, [](const std::string& n) { return "e" + n; }))),
      rc::gen::set(&Person::boss, or_other(number, 20, 1)));
}

rc::Gen<FileOf> any_file() {
  return rc::gen::build<FileOf>(
      rc::gen::set(&FileOf::people, rc::gen::container<std::vector<Person>>(any_person())),
      rc::gen::set(&FileOf::line_end, rc::gen::element<std::string>("\n", "\r\n")),
      rc::gen::set(&FileOf::last_line_end, rc::gen::arbitrary<bool>()));
}

RC_GTEST_PROP(LoaderProperty, EveryRecordIsInTheTableOrInTheRejectsAsTheRulesSay, ()) {
  InStep in_step(*rc::gen::inRange(1u, 4u));
  const auto loads = *rc::gen::inRange(1, 4);
  for (int load = 0; load < loads; ++load) {
    const auto mode = *rc::gen::element(db::Mode::Append, db::Mode::Replace, db::Mode::Upsert);
    const std::string difference = in_step.load(*any_file(), mode);
    if (!difference.empty()) RC_FAIL(difference);
  }
}

/// The same with files of several batches, whose equal keys and parents lie far apart.
TEST(LoaderProperty, HoldsAcrossBatches) {
  std::mt19937 random(1);
  const auto below = [&random](std::uint32_t end) { return static_cast<std::uint32_t>(random() % end); };
  InStep in_step(2);
  for (const db::Mode mode : {db::Mode::Append, db::Mode::Append, db::Mode::Upsert, db::Mode::Replace}) {
    FileOf file;
    for (std::uint32_t i = 0; i < 12'000; ++i) {
      Person person{.id = std::to_string(below(100'000)), .name = "Ada"};
      if (below(500) == 0) person.kind = static_cast<Kind>(below(7));
      person.email = std::to_string(below(1'000'000)) + std::string(140, 'e');
      if (below(2) == 0 && i > 0) person.boss = file.people[below(i)].id;
      if (person.boss.empty() && below(100) == 0) person.boss = std::to_string(below(100'000));
      file.people.push_back(std::move(person));
    }
    ASSERT_EQ(in_step.load(file, mode), "");
  }
}

}  // namespace
}  // namespace rowgate::load
