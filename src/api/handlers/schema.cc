#include "api/core/lookups.h"
#include "api/core/replies.h"
#include "api/handlers/handlers.h"
#include "base/text.h"
#include "csv/writer.h"
#include "io/digest.h"

#include <fmt/format.h>

namespace rowgate::api {
namespace {

constexpr std::string_view kAsJson = "application/json", kAsYaml = "application/yaml",
                           kAsSql = "application/sql";

/// The media type that `as` or else the Accept header asks for.
Result<std::string_view> form_of(const Call& call) {
  const std::optional<std::string_view> as = call.request.parameter("as");
  if (!as) return call.form;
  if (*as == "json") return kAsJson;
  if (*as == "yaml") return kAsYaml;
  if (*as == "sql") return kAsSql;
  return fail(Code::RequestInvalid, fmt::format("a schema cannot be shown as \"{}\"", shown(*as)),
              "as takes json, yaml or sql");
}

Result<void> check_dialect(const Call& call) {
  const std::optional<std::string_view> dialect = call.request.parameter("dialect");
  if (!dialect) return {};
  if (call.request.parameter("as").value_or("") != "sql")
    return fail(Code::RequestInvalid, "dialect goes with as=sql", "leave it out, or add as=sql");
  if (*dialect != "sqlite" && *dialect != "mysql" && *dialect != "postgresql")
    return fail(Code::RequestInvalid, fmt::format("there is no SQL dialect \"{}\"", shown(*dialect)),
                "the dialects are sqlite, mysql and postgresql");
  if (call.service.database.describe().starts_with(*dialect)) return {};
  return fail(Code::RequestNotAcceptable,
              fmt::format("the database of this server does not speak {}", *dialect),
              "leave dialect out for the database's own");
}

Result<table::TableSchema> known_schema(const FoundTable& table) {
  TRY_ASSIGN(std::optional<table::TableSchema> schema, schema_of(table));
  if (schema) return *std::move(schema);
  return fail(Code::TableUnknown,
              fmt::format("{} was not made by rowgate, so there is no schema of it", table.name.name),
              "describe it in the configuration");
}

std::string ended(std::string text) {
  if (!text.ends_with('\n')) text += '\n';
  return text;
}

std::string schema_text(const Call& call, const FoundTable& table, const table::TableSchema& schema,
                        std::string_view form) {
  if (form == kAsJson) return ended(table::to_json(schema));
  if (form == kAsYaml) return ended(table::to_yaml(schema, 0));
  return call.service.database.dialect().create_table(
      table.name, schema, table.config != nullptr && table.config->enforce_keys,
      table.config != nullptr && table.config->database_checks);
}

/// A value that the field would take, where it has no example of its own.
std::string usual_example(const table::Field& field) {
  if (!field.example.empty()) return field.example;
  if (!field.constraints.enum_values.empty()) return field.constraints.enum_values.front();
  switch (field.type) {
    case table::Type::Integer:
      return field.constraints.minimum.value_or("1");
    case table::Type::Number:
      return field.constraints.minimum.value_or("1" + field.decimal_char + "5");
    case table::Type::Boolean:
      return field.true_values.empty() ? "true" : field.true_values.front();
    case table::Type::Date:
      return "2021-11-07";
    case table::Type::Time:
      return "02:48:42";
    case table::Type::Datetime:
      return "2021-11-07T02:48:42Z";
    case table::Type::Year:
      return field.constraints.minimum.value_or("2021");
    case table::Type::YearMonth:
      return field.constraints.minimum.value_or("2021-11");
    case table::Type::Duration:
      return field.constraints.minimum.value_or("P1DT2H30M");
    case table::Type::Object:
      return "{}";
    case table::Type::Array:
      return "[]";
    case table::Type::GeoJson:
      return field.format == "topojson" ? R"({"type":"Topology","objects":{},"arcs":[]})"
                                        : R"({"type":"Point","coordinates":[8.6,50.1]})";
    case table::Type::GeoPoint:
      return field.format == "array"    ? "[8.6,50.1]"
             : field.format == "object" ? R"({"lon":8.6,"lat":50.1})"
                                        : "8.6,50.1";
    case table::Type::List:
    case table::Type::Any:
    case table::Type::String:
      break;
  }
  if (field.format == "binary") return "cm93Z2F0ZQ==";
  if (field.format == "email") return "ada@example.org";
  if (field.format == "uri") return "https://example.org/";
  if (field.format == "uuid") return "7c9e6679-7425-40de-944b-e07fc1f90ae7";
  return "text";
}

}  // namespace

Result<http::Reply> show_schema(Call& call, Body) {
  TRY_ASSIGN(const std::string_view form, form_of(call));
  TRY(check_dialect(call));
  TRY_ASSIGN(const FoundTable table, find_table(call));
  TRY_ASSIGN(const table::TableSchema schema, known_schema(table));
  http::Response response = text_response(200, form, schema_text(call, table, schema, form));
  response.set("Cache-Control", "private, no-cache");
  const std::string etag = fmt::format("\"{}\"", io::sha256_hex(response.text).substr(0, 32));
  return unless_known(call.request, etag, std::move(response));
}

Result<http::Reply> show_template(Call& call, Body) {
  TRY_ASSIGN(const FoundTable table, find_table(call));
  TRY_ASSIGN(const table::TableSchema schema, known_schema(table));
  std::string text;
  const std::optional<char> delimiter =
      table.config != nullptr ? table.config->dialect.delimiter : std::nullopt;
  csv::Writer writer(text, {.delimiter = delimiter.value_or(',')});
  for (const table::Field& field : schema.fields) writer.field(field.name);
  writer.end_record();
  for (const table::Field& field : schema.fields) writer.field(usual_example(field));
  writer.end_record();
  http::Response response = text_response(200, "text/csv", std::move(text));
  response.set("Content-Disposition", attachment(table.name.name + ".csv"));
  return response;
}

}  // namespace rowgate::api
