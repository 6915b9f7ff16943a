#include "base/text.h"
#include "config/reader.h"
#include "config/values.h"
#include "report/links.h"

#include <fmt/format.h>

#include <algorithm>

namespace rowgate::config {
namespace {

using table::kAllTypes;
using table::Place;
using table::Property;

constexpr Property kReport[] = {{"title", kAllTypes},   {"filename", kAllTypes}, {"sql", kAllTypes},
                                {"columns", kAllTypes}, {"params", kAllTypes},   {"sort", kAllTypes},
                                {"timeout", kAllTypes}, {"max_rows", kAllTypes}, {"route", kAllTypes},
                                {"expires", kAllTypes}, {"reuse", kAllTypes}};
/// First segments of the server's own addresses.
constexpr std::string_view kTakenRoutes[] = {
    "v1",      "d",       "ui",      "docs",         "problems",     "livez",        "readyz",     "healthz",
    "version", "metrics", "openapi", "openapi.json", "openapi.yaml", "db_migration", ".well-known"};
constexpr std::chrono::milliseconds kLongestLife = std::chrono::days(7);
constexpr std::size_t kLongestRoute = 200;
constexpr Property kColumn[] = {{"name", kAllTypes}, {"type", kAllTypes}, {"decimals", kAllTypes}};
constexpr Property kParameter[] = {{"type", kAllTypes}, {"default", kAllTypes}};
constexpr table::Type kTypes[] = {table::Type::Integer, table::Type::Number, table::Type::String,
                                  table::Type::Boolean, table::Type::Date,   table::Type::Time,
                                  table::Type::Datetime};

class ReportReader : private ValueReader {
 public:
  explicit ReportReader(std::vector<Error>& problems) : ValueReader(problems) {}

  report::Definition read(const Place& at, std::string_view name, const Limits& limits) {
    report_.name = name;
    report_.timeout = limits.report_timeout;
    report_.max_rows = limits.report_max_rows;
    if (!is(at, Node::Kind::Map, "a map with the report's sql")) return report_;
    check_members(at, kReport, std::nullopt);
    take_text(at, "title", report_.title);
    take_text(at, "filename", report_.filename);
    take_text(at, "sql", report_.sql);
    if (trim_spaces(report_.sql).empty()) problem(at, "`sql` is missing", "a report is one SELECT statement");
    if (report_.filename.empty()) report_.filename = report_.name + ".csv";
    if (!report::is_link_filename(report_.filename))
      problem(at.member("filename"),
              fmt::format("`{}` cannot be the name of a file", shown(report_.filename)),
              "1 to 100 letters, digits, dots, - and _, the first not a dot");
    if (const Place columns = at.member("columns")) read_columns(columns);
    if (const Place params = at.member("params")) read_params(params);
    if (const Place sort = at.member("sort")) read_sort(sort);
    take(at, "timeout", parse_duration, report_.timeout);
    read_links(at);
    std::optional<std::uint64_t> rows;
    take_length(at, "max_rows", rows);
    if (rows) report_.max_rows = *rows;
    return report_;
  }

 private:
  void read_links(const Place& at) {
    std::chrono::milliseconds expires = report_.expires;
    take_time(at, "expires", kLongestLife, expires);
    report_.expires = std::chrono::duration_cast<std::chrono::seconds>(expires);
    if (report_.expires.count() < 1 || report_.expires != expires)
      problem(at.member("expires"), "must be at least 1s, in whole seconds");
    take(at, "reuse", parse_duration, report_.reuse);
    std::optional<std::string> given;
    take_text(at, "route", given);
    if (!given) return;
    std::string route = *std::move(given);
    if (std::string why = why_not_a_route(route); !why.empty())
      problem(at.member("route"), std::move(why), "for example /hires");
    report_.route = std::move(route);
  }

  static std::string why_not_a_route(std::string_view route) {
    if (!route.starts_with('/') || route.size() < 2) return "a route begins with / and goes on behind it";
    if (route.size() > kLongestRoute) return fmt::format("a route has at most {} characters", kLongestRoute);
    std::string_view rest = route;
    while (!rest.empty()) {
      rest.remove_prefix(1);  // the slash
      const std::string_view segment = rest.substr(0, rest.find('/'));
      if (!store::is_key_level(segment))
        return "between the slashes of a route stand letters, digits, dots, - and _, no dot first";
      rest.remove_prefix(segment.size());
    }
    const std::string_view first = route.substr(1, route.find('/', 1) - 1);
    if (table::has(kTakenRoutes, first)) return fmt::format("/{} is an address of the server itself", first);
    return {};
  }

  std::optional<table::Type> read_type(const Place& map) {
    std::string word = "string";
    take_text(map, "type", word);
    for (const table::Type type : kTypes)
      if (name(type) == word) return type;
    problem(map.member("type"), fmt::format("there is no type `{}`", shown(word)),
            "the types are integer, number, string, boolean, date, time, datetime");
    return std::nullopt;
  }

  void read_columns(const Place& at) {
    if (!is(at, Node::Kind::List, "a list of column names")) return;
    for (std::size_t i = 0; i < at.node->items.size(); ++i) {
      const Place item = at.item(i);
      report::Column column;
      if (item.node->kind == Node::Kind::Map) {
        check_members(item, kColumn, std::nullopt);
        take_text(item, "name", column.name);
        if (item.member("type")) column.type = read_type(item);
        std::optional<std::uint64_t> decimals;
        take_length(item, "decimals", decimals);
        if (decimals && *decimals > 15) problem(item.member("decimals"), "at most 15 digits make sense");
        if (decimals) column.decimals = static_cast<int>(std::min<std::uint64_t>(*decimals, 15));
      } else if (is(item, Node::Kind::Scalar, "a column's name, or { name, type, decimals }")) {
        column.name = item.node->scalar;
      }
      if (column.name.empty()) problem(item, "the column has no name");
      for (const report::Column& other : report_.columns)
        if (other.name == column.name)
          problem(item, fmt::format("there is a column `{}` already", shown(column.name)));
      report_.columns.push_back(std::move(column));
    }
  }

  void read_params(const Place& at) {
    if (!is(at, Node::Kind::Map, "a map of parameters")) return;
    for (const auto& [name, node] : at.node->members) {
      const Place place = at.member(name);
      report::Parameter parameter{.name = name};
      if (std::string why = table::why_not_a_name(name, false); !why.empty()) problem(place, std::move(why));
      if (is(place, Node::Kind::Map, "{ type, default }")) {
        check_members(place, kParameter, std::nullopt);
        parameter.type = read_type(place).value_or(table::Type::String);
        take_text(place, "default", parameter.default_text);
      }
      if (report_.sql.find(":" + name) == std::string::npos)
        problem(place, fmt::format("the sql does not use :{}", name), "use it, or take the parameter out");
      report_.params.push_back(std::move(parameter));
    }
  }

  void read_sort(const Place& at) {
    if (!is(at, Node::Kind::List, "a list of columns, each with - before it for descending")) return;
    for (std::size_t i = 0; i < at.node->items.size(); ++i) {
      const Place item = at.item(i);
      if (!is(item, Node::Kind::Scalar, "a column")) continue;
      report::SortKey key{.column = item.node->scalar};
      if (key.column.starts_with('-')) key = {.column = key.column.substr(1), .descending = true};
      const bool known =
          report_.columns.empty() ||
          std::ranges::find(report_.columns, key.column, &report::Column::name) != report_.columns.end();
      if (!known) problem(item, fmt::format("`{}` is none of the report's columns", shown(key.column)));
      report_.sort.push_back(std::move(key));
    }
  }

  report::Definition report_;
};

}  // namespace

report::Definition read_report(const table::Place& at, std::string_view name, const Limits& limits,
                               std::vector<Error>& problems) {
  return ReportReader(problems).read(at, name, limits);
}

}  // namespace rowgate::config
