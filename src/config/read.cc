#include "base/text.h"
#include "config/reader.h"
#include "config/values.h"

#include <fmt/format.h>

#include <algorithm>

namespace rowgate::config {
namespace {

using table::has;
using table::kAllTypes;
using table::Place;
using table::Property;

constexpr Property kTop[] = {{"database", kAllTypes}, {"storage", kAllTypes}, {"limits", kAllTypes},
                             {"tables", kAllTypes},   {"reports", kAllTypes}, {"server", kAllTypes},
                             {"auth", kAllTypes},     {"compat", kAllTypes},  {"observability", kAllTypes},
                             {"links", kAllTypes},    {"lambda", kAllTypes}};
/// In the plans of the program, but not built.
constexpr std::string_view kLaterTop[] = {"sources", "backups"};
constexpr Property kLimits[] = {{"max_rejects", kAllTypes},
                                {"max_reject_bytes", kAllTypes},
                                {"max_columns", kAllTypes},
                                {"max_field_bytes", kAllTypes},
                                {"max_record_bytes", kAllTypes},
                                {"report_timeout", kAllTypes},
                                {"report_max_rows", kAllTypes},
                                {"max_upload_bytes", kAllTypes},
                                {"max_unpacked_bytes", kAllTypes},
                                {"max_ratio", kAllTypes},
                                {"max_header_bytes", kAllTypes},
                                {"max_url_bytes", kAllTypes},
                                {"max_body_bytes", kAllTypes},
                                {"sync_wait", kAllTypes},
                                {"queue", kAllTypes},
                                {"loads_at_once", kAllTypes},
                                {"reports_at_once", kAllTypes},
                                {"idle_timeout", kAllTypes},
                                {"min_bytes_per_second", kAllTypes},
                                {"min_read_bytes_per_second", kAllTypes},
                                {"page", kAllTypes},
                                {"max_page", kAllTypes}};

class ConfigReader : private ValueReader {
 public:
  ConfigReader(const Document& document, std::vector<Error>& problems)
      : ValueReader(problems), document_(document), all_(problems) {}

  Config read() {
    config_.file = document_.file;
    const Place root{&document_.root, ""};
    if (document_.root.kind == Node::Kind::Map) {
      check_top();
    } else if (document_.root.kind != Node::Kind::Null) {
      problem({&document_.root, "the file"}, "expected a map of settings");
    }
    read_database(document_, section("database"), config_, all_);
    read_storage(document_, config_, all_);
    read_limits(section("limits"));
    read_tables(section("tables"));
    read_reports(section("reports"));
    read_service(document_, config_, all_);
    return std::move(config_);
  }

 private:
  /// A section that is a map, or nothing.
  Place section(std::string_view name) {
    const Node* node = document_.root.kind == Node::Kind::Map ? document_.root.find(name) : nullptr;
    Place at{node, std::string(name)};
    if (node == nullptr || node->is_null() || !is(at, Node::Kind::Map, "a map")) return {nullptr, at.path};
    return at;
  }

  void check_top() {
    for (const auto& [key, value] : document_.root.members) {
      if (std::ranges::find(kTop, key, &Property::name) != std::end(kTop)) continue;
      std::vector<std::string> names;
      for (const Property& property : kTop) names.emplace_back(property.name);
      const Place at{&value, key};
      if (has(kLaterTop, key)) {
        problem(at, fmt::format("this version does not know the section `{}` yet", key), "take it out");
        continue;
      }
      const std::string near = nearest(key, names);
      problem(at, fmt::format("there is no section `{}`", shown(key)),
              near.empty() ? std::string("the sections are server, database, storage, links, auth, limits, "
                                         "compat, lambda, tables, reports, observability")
                           : fmt::format("did you mean `{}`?", near));
    }
  }

  void read_limits(const Place& at) {
    if (!at) return;
    check_members(at, kLimits, std::nullopt);
    Limits& limits = config_.limits;
    load::LoadLimits& loads = config_.catalog.limits;
    take(at, "max_rejects", parse_reject_limit, loads.max_rejects);
    take_count(at, "max_columns", 1, 100'000, loads.max_columns);
    take_size(at, "max_field_bytes", 256 * kMiB, loads.max_field_bytes);
    take_size(at, "max_record_bytes", 256 * kMiB, loads.max_record_bytes);
    take(at, "report_timeout", parse_duration, limits.report_timeout);
    take_count(at, "report_max_rows", 1, std::uint64_t{1} << 40, limits.report_max_rows);
  }

  void read_tables(const Place& at) {
    if (!at) return;
    for (const auto& [name, node] : at.node->members) {
      const Place table = at.member(name);
      if (std::string why = table::why_not_a_name(name, false); !why.empty()) problem(table, std::move(why));
      for (const TableConfig& other : config_.catalog.tables)
        if (lower_ascii(other.name.name) == lower_ascii(name))
          problem(table, fmt::format("there is a table `{}` already", other.name.name),
                  "names must differ by more than upper and lower case");
      config_.catalog.tables.push_back(read_table(table, name, config_.catalog.limits, all_));
    }
    check_foreign_keys(config_, *at.node, all_);
    check_for_database(config_, at, all_);
  }

  void read_reports(const Place& at) {
    if (!at) return;
    for (const auto& [name, node] : at.node->members) {
      const Place report = at.member(name);
      if (std::string why = table::why_not_a_name(name, false); !why.empty()) problem(report, std::move(why));
      config_.reports.push_back(read_report(report, name, config_.limits, all_));
      const std::optional<std::string>& route = config_.reports.back().route;
      for (std::size_t i = 0; route && i + 1 < config_.reports.size(); ++i)
        if (config_.reports[i].route == route)
          problem(report.member("route"),
                  fmt::format("the report `{}` has this route already", config_.reports[i].name));
    }
  }

  const Document& document_;
  std::vector<Error>& all_;
  Config config_;
};

}  // namespace

Config read_config(const Document& document, std::vector<Error>& problems) {
  return ConfigReader(document, problems).read();
}

}  // namespace rowgate::config
