#include "hr/hr_example.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <iterator>
#include <string_view>

namespace rowgate::examples::hr {
namespace {

constexpr std::array<std::string_view, 12> kDepartments = {
    "Archive", "Bookkeeping", "Carpentry",   "Dispatch", "Electrics", "Foundry",
    "Gardens", "Hospitality", "Instruments", "Joinery",  "Kitchens",  "Laboratory"};

constexpr std::array<std::string_view, 61> kRoles = {
    "Analyst",     "Archivist", "Assembler",   "Assayer",     "Auditor",   "Baker",       "Beekeeper",
    "Binder",      "Brewer",    "Bookkeeper",  "Bricklayer",  "Buyer",     "Carpenter",   "Cartographer",
    "Caster",      "Chemist",   "Clerk",       "Cook",        "Cooper",    "Courier",     "Dispatcher",
    "Draughtsman", "Driver",    "Electrician", "Engraver",    "Fitter",    "Florist",     "Founder",
    "Gardener",    "Gilder",    "Glazier",     "Host",        "Inspector", "Instructor",  "Interpreter",
    "Joiner",      "Librarian", "Locksmith",   "Machinist",   "Mason",     "Mechanic",    "Miller",
    "Moulder",     "Nurse",     "Optician",    "Packer",      "Painter",   "Planner",     "Plumber",
    "Porter",      "Potter",    "Printer",     "Roofer",      "Sculptor",  "Storekeeper", "Surveyor",
    "Tanner",      "Toolmaker", "Translator",  "Upholsterer", "Weaver"};
constexpr std::array<std::string_view, 3> kLevels = {"Junior ", "", "Senior "};

constexpr std::array<std::string_view, 24> kFirstNames = {
    "Ada",   "Bruno", "Clara", "Dmitri", "Elif",   "Farid", "Greta", "Hugo",
    "Ines",  "Jonas", "Kira",  "Liam",   "Maja",   "Nadia", "Oskar", "Priya",
    "Quinn", "Rosa",  "Sven",  "Tomas",  "Ursula", "Vera",  "Wanda", "Zo\xC3\xAB"};
constexpr std::array<std::string_view, 25> kLastNames = {
    "Abbot",  "Berg",   "Castell", "Duarte", "Eklund", "Fiore",  "Grant",    "Haugen", "Ibarra",
    "Jansen", "Keller", "Lund",    "Moreau", "Novak",  "O'Hara", "Petrov",   "Quist",  "Rossi",
    "Sato",   "Tanaka", "Ulrich",  "Vidal",  "Weber",  "Yilmaz", "Sims, Jr."};

constexpr std::uint64_t kEmployees = 2000;

/// SplitMix64: the same numbers on every machine.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  std::uint64_t below(std::uint64_t limit) {
    state_ += 0x9E3779B97F4A7C15u;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
    return (mixed ^ (mixed >> 31)) % limit;
  }

 private:
  std::uint64_t state_;
};

struct Hire {
  std::string id, name, datetime, department_id, job_id;
};

/// Seven in ten were hired in 2021, the year of the reports; the others in the years around it.
std::string hired_at(Dice& dice) {
  const std::uint64_t tenth = dice.below(10);
  const std::uint64_t year = tenth < 7 ? 2021 : tenth < 9 ? 2022 : 2020;
  const std::uint64_t month = 1 + dice.below(12), day = 1 + dice.below(28);
  const std::uint64_t hour = dice.below(24), minute = dice.below(60), second = dice.below(60);
  return fmt::format("{}-{:02}-{:02}T{:02}:{:02}:{:02}Z", year, month, day, hour, minute, second);
}

/// The larger departments come first, so that some are above the mean.
std::uint64_t some_department(Dice& dice) {
  const std::uint64_t first = 1 + dice.below(kDepartments.size()),
                      second = 1 + dice.below(kDepartments.size());
  return dice.below(3) == 0 ? std::min(first, second) : first;
}

Hire some_hire(std::uint64_t number, Dice& dice) {
  const std::string_view first = kFirstNames[dice.below(kFirstNames.size())];
  const std::string_view last = kLastNames[dice.below(kLastNames.size())];
  std::string datetime = hired_at(dice);
  const std::uint64_t department = some_department(dice),
                      job = 1 + dice.below(kRoles.size() * kLevels.size());
  return {fmt::format("{}", number), fmt::format("{} {}", first, last), std::move(datetime),
          fmt::format("{}", department), fmt::format("{}", job)};
}

/// Every 28th row lacks one value: 70 rows, each field in turn.
void leave_gap(std::uint64_t number, Hire& hire) {
  constexpr std::uint64_t kFirst = 20, kStep = 28, kGaps = 70;
  if (number < kFirst || (number - kFirst) % kStep != 0) return;
  const std::uint64_t gap = (number - kFirst) / kStep;
  if (gap >= kGaps) return;
  std::string* const fields[] = {&hire.name, &hire.datetime, &hire.department_id, &hire.job_id};
  fields[gap % std::size(fields)]->clear();
}

/// The known bad rows; README.md lists them.
void spoil(std::uint64_t number, Hire& hire) {
  switch (number) {
    case 150:
      hire.id.clear();
      break;
    case 400:
      hire.id = "4OO";
      break;
    case 777:
      hire.datetime = "2021-02-30T09:15:00Z";
      break;
    case 1001:
      hire.department_id = "99";
      break;
    case 1234:
      hire.id = "1200";
      break;
    case 1500:
      hire.job_id += ",surplus";
      break;
    default:
      break;
  }
}

std::string quoted_where_needed(const std::string& value) {
  return value.find(',') == std::string::npos ? value : fmt::format("\"{}\"", value);
}

}  // namespace

std::string departments_csv() {
  std::string out = "id,department\r\n";
  for (std::size_t i = 0; i < kDepartments.size(); ++i)
    fmt::format_to(std::back_inserter(out), "{},{}\r\n", i + 1, kDepartments[i]);
  return out;
}

std::string jobs_csv() {
  std::string out = "id,job\r\n";
  std::size_t id = 0;
  for (const std::string_view role : kRoles)
    for (const std::string_view level : kLevels)
      fmt::format_to(std::back_inserter(out), "{},{}{}\r\n", ++id, level, role);
  return out;
}

std::string hired_employees_csv() {
  Dice dice(2021);
  std::string out = "id,name,datetime,department_id,job_id\r\n";
  for (std::uint64_t number = 1; number <= kEmployees; ++number) {
    Hire hire = some_hire(number, dice);
    leave_gap(number, hire);
    spoil(number, hire);
    fmt::format_to(std::back_inserter(out), "{},{},{},{},{}\r\n", hire.id, quoted_where_needed(hire.name),
                   hire.datetime, hire.department_id, hire.job_id);
  }
  return out;
}

std::string broken_quotes_csv() {
  return "id,name,datetime,department_id,job_id\r\n"
         "3001,Ada Abbot,2021-03-01T09:00:00Z,1,1\r\n"
         "3002,\"Bruno \"the bear\" Berg\",2021-03-02T09:00:00Z,2,2\r\n"
         "3003,\"Clara \"\"Cleo\"\" Castell\",2021-03-03T09:00:00Z,3,3\r\n"
         "3004,Dmitri 5\" Duarte,2021-03-04T09:00:00Z,4,4\r\n"
         "3005,\"Elif Eklund,2021-03-05T09:00:00Z,5,5\r\n"
         "3006,Farid Fiore,2021-03-06T09:00:00Z,6,6\r\n"
         "3007,\"Greta\r\nGrant\",2021-03-07T09:00:00Z,7,7\r\n"
         "3008,Hugo Haugen,2021-03-08T09:00:00Z,8,8\r\n";
}

std::string config_yaml(bool strict) {
  const std::string_view required = strict ? "required: true, " : "";
  return fmt::format(R"(# rowgate.yaml: the tables and reports of a small company.
# Check it with `rowgate config check`. Every key has a default; this file shows the ones worth knowing.

server:
  listen: 127.0.0.1:8080                # a public address needs keys (auth), or the server will not start

database:                               # where the tables live
  url: sqlite:./data/rowgate.db

storage:                                # what rowgate keeps beside them
  url: file:./data/files                # refused rows
  spool: ./data/spool                   # scratch files and the state of runs in flight; always a local folder

limits:
  max_rejects: 10%                      # more than this and nothing of the file is loaded

compat:                                 # the three endpoints of the original API
  schemas: {{ test_db: default }}         # ?schema=test_db means this database

tables:
  departments:
    title: Departments
    dialect: &csv {{ header: true, delimiter: ",", quoteChar: '"', doubleQuote: true }}
    keys: check                         # foreign keys are checked when rows are loaded; enforce makes constraints of them
    schema:                             # Frictionless Table Schema
      fieldsMatch: equal                # the file's columns are the fields, in any order
      missingValues: [""]
      primaryKey: [id]
      uniqueKeys: [[department]]
      fields:
        - {{ name: id, type: integer, title: Department id, example: "5", constraints: {{ required: true, minimum: 1 }} }}
        - {{ name: department, type: string, example: Foundry, constraints: {{ required: true, minLength: 1, maxLength: 100 }} }}

  jobs:
    title: Jobs
    dialect: *csv
    keys: check
    schema:
      fieldsMatch: equal
      missingValues: [""]
      primaryKey: [id]
      uniqueKeys: [[job]]
      fields:
        - {{ name: id, type: integer, title: Job id, example: "96", constraints: {{ required: true, minimum: 1 }} }}
        - {{ name: job, type: string, example: Glazier, constraints: {{ required: true, minLength: 1, maxLength: 100 }} }}

  hired_employees:
    title: Hired employees
    dialect: *csv
    keys: check                         # department and job must exist when the row is loaded
    schema:
      fieldsMatch: equal
      missingValues: [""]
      primaryKey: [id]
      foreignKeys:
        - {{ fields: [department_id], reference: {{ resource: departments, fields: [id] }} }}
        - {{ fields: [job_id], reference: {{ resource: jobs, fields: [id] }} }}
      fields:
        - {{ name: id, type: integer, example: "1", constraints: {{ required: true, minimum: 1 }} }}
        - {{ name: name, type: string, example: Ada Abbot, constraints: {{ {0}maxLength: 200 }} }}
        - {{ name: datetime, type: datetime, title: Hired at, example: "2021-11-07T02:48:42Z",
            constraints: {{ {0}minimum: "2000-01-01T00:00:00Z" }}, "rowgate:timezone": UTC }}
        - {{ name: department_id, type: integer, example: "5", constraints: {{ {0}minimum: 1 }} }}
        - {{ name: job_id, type: integer, example: "96", constraints: {{ {0}minimum: 1 }} }}

reports:
  hired_by_quarter:
    title: People hired in 2021, by department, job and quarter
    route: /first_sql_requirement       # also answers at the original API's address
    filename: hired-by-quarter-2021.csv
    columns: [department, job, Q1, Q2, Q3, Q4]     # header names, whatever the database makes of aliases
    sort: [department, job]             # the same order on every database
    expires: 24h                        # life of a link to the result
    timeout: 30s
    sql: |
      SELECT d.department, j.job,
             SUM(CASE WHEN e.datetime <  '2021-04-01' THEN 1 ELSE 0 END) AS q1,
             SUM(CASE WHEN e.datetime >= '2021-04-01' AND e.datetime < '2021-07-01' THEN 1 ELSE 0 END) AS q2,
             SUM(CASE WHEN e.datetime >= '2021-07-01' AND e.datetime < '2021-10-01' THEN 1 ELSE 0 END) AS q3,
             SUM(CASE WHEN e.datetime >= '2021-10-01' THEN 1 ELSE 0 END) AS q4
      FROM hired_employees e
      JOIN departments d ON d.id = e.department_id
      JOIN jobs j        ON j.id = e.job_id
      WHERE e.datetime >= '2021-01-01' AND e.datetime < '2022-01-01'
      GROUP BY d.department, j.job

  departments_above_mean:
    title: Departments that hired more than the mean of 2021
    route: /second_sql_requirement
    filename: departments-above-mean-2021.csv
    columns: [id, department, hired]
    sort: [-hired, id]
    expires: 24h
    sql: |
      WITH per_department AS (
        SELECT department_id, COUNT(*) AS hired
        FROM hired_employees
        WHERE datetime >= '2021-01-01' AND datetime < '2022-01-01' AND department_id IS NOT NULL
        GROUP BY department_id)
      SELECT d.id, d.department, p.hired
      FROM per_department p JOIN departments d ON d.id = p.department_id
      WHERE p.hired > (SELECT AVG(hired) FROM per_department)
)",
                     required);
}

}  // namespace rowgate::examples::hr
