#include "api/core/filling_spool.h"
#include "api/core/lookups.h"
#include "api/core/made_bytes.h"
#include "api/core/paging.h"
#include "api/core/replies.h"
#include "api/handlers/handlers.h"
#include "api/handlers/row_values.h"
#include "base/json.h"
#include "report/table_reader.h"

#include <fmt/format.h>

#include <charconv>
#include <memory>
#include <utility>

namespace rowgate::api {
namespace {

/// Where a page ends: behind a primary key; or, in a table without one, after so many rows of one version of
/// the table.
struct Position {
  std::vector<db::Value> after = {};
  std::uint64_t skip = 0;
};

std::string position_text(const FoundTable& table, const std::vector<db::Value>& key, std::uint64_t rows) {
  if (!key.empty()) return values_to_json(key);
  return values_to_json(
      {static_cast<std::int64_t>(table.state ? table.state->version : 0), static_cast<std::int64_t>(rows)});
}

std::unexpected<Error> void_cursor() {
  return fail(Code::RequestBadCursor, "the table has changed since the page before",
              "begin with the first page again");
}

Result<Position> position_of(const FoundTable& table, const table::TableSchema* schema, const Page& page) {
  if (!page.position) return Position{};
  std::optional<std::vector<db::Value>> values = values_from_json(*page.position);
  if (!values) return void_cursor();
  if (schema != nullptr && !schema->primary_key.empty()) {
    if (values->size() != schema->primary_key.size()) return void_cursor();
    return Position{.after = *std::move(values)};
  }
  const auto version = static_cast<std::int64_t>(table.state ? table.state->version : 0);
  if (values->size() != 2 || (*values)[0] != db::Value(version)) return void_cursor();
  const auto* rows = std::get_if<std::int64_t>(&(*values)[1]);
  if (rows == nullptr || *rows < 0) return void_cursor();
  return Position{.skip = static_cast<std::uint64_t>(*rows)};
}

/// A query of a table that is not as its schema says fails in the database's own words; say which it is.
Result<report::TableReader> open_rows(const Call& call, const FoundTable& table,
                                      const table::TableSchema* schema,
                                      const report::TableReader::Range& range) {
  Result<report::TableReader> reader =
      report::TableReader::open(call.service.database, table.name, schema, range);
  if (reader || reader.error().code != Code::ReportBadSql || schema == nullptr) return reader;
  TRY_ASSIGN(const std::vector<std::string> differences,
             call.service.database.differences({.table = table.name, .schema = schema}));
  if (differences.empty()) return reader;
  return fail(Code::TableDiffers, fmt::format("the table differs from its schema: {}", differences.front()),
              "correct the schema, or load the table anew with mode=replace");
}

/// The rows as CSV, made as they are read.
std::shared_ptr<MadeBytes> csv_of(report::TableReader reader, bool escape_formulas) {
  struct State {
    report::TableReader reader;
    std::string* out = nullptr;  ///< of the piece that is being made
    std::unique_ptr<report::RowWriter> writer = {};
    bool has_begun = false;
  };
  const auto state = std::make_shared<State>(State{.reader = std::move(reader)});
  state->writer = report::csv_writer(
      [of = state.get()](std::string_view bytes) -> Result<void> {
        *of->out += bytes;
        return {};
      },
      escape_formulas);
  return std::make_shared<MadeBytes>([state](std::string& out) -> Result<bool> {
    state->out = &out;
    if (!std::exchange(state->has_begun, true)) TRY(state->writer->begin(state->reader.columns()));
    TRY_ASSIGN(const bool more, state->reader.next());
    TRY(more ? state->writer->row(state->reader.cells()) : state->writer->end());
    return more;
  });
}

/// The header line alone, of a table that does not exist yet.
http::Response header_only(const table::TableSchema& schema, bool escape_formulas) {
  std::string text;
  const auto writer = report::csv_writer(
      [&text](std::string_view bytes) -> Result<void> {
        text += bytes;
        return {};
      },
      escape_formulas);
  std::vector<report::Column> columns;
  for (const table::Field& field : schema.fields) columns.push_back({.name = field.name});
  const Result<void> done = writer->begin(columns);
  return done ? text_response(200, "text/csv", std::move(text)) : http::Response{};
}

/// Writes one page of rows; says where it ended if there are more.
Result<std::optional<std::string>> write_rows(report::TableReader& reader, report::RowWriter& writer,
                                              const std::string& written, const FoundTable& table,
                                              const Page& page, std::uint64_t skipped) {
  std::optional<std::string> next;
  std::vector<db::Value> key;
  TRY(writer.begin(reader.columns()));
  for (std::size_t rows = 0;; ++rows) {
    TRY_ASSIGN(const bool more, reader.next());
    if (!more) break;
    if (rows == page.limit || written.size() >= kFullPageBytes) {
      next = position_text(table, key, skipped + rows);
      break;
    }
    TRY(writer.row(reader.cells()));
    key = reader.key();
  }
  TRY(writer.end());
  return next;
}

Result<http::Reply> one_page(const Call& call, const FoundTable& table, const table::TableSchema* schema,
                             const Page& page, const Position& position, bool escape_formulas) {
  const bool is_csv = call.form == "text/csv";
  TRY_ASSIGN(report::TableReader reader, open_rows(call, table, schema,
                                                   {.after = position.after,
                                                    .skip = position.skip,
                                                    .limit = page.limit + 1,
                                                    .as_loaded = is_csv,
                                                    .stop = call.request.stop}));
  std::string text;
  const auto append = [&text](std::string_view bytes) -> Result<void> {
    text += bytes;
    return {};
  };
  const auto writer = is_csv ? report::csv_writer(append, escape_formulas) : report::json_writer(append);
  TRY_ASSIGN(const std::optional<std::string> next,
             write_rows(reader, *writer, text, table, page, position.skip));
  const std::string cursor = next ? make_cursor(call, *next) : std::string();
  http::Response response =
      is_csv ? text_response(200, "text/csv", std::move(text))
             : json_response(200, fmt::format("{{\"items\":{},\"next\":{}}}\n",
                                              text.substr(0, text.size() - 1), json_text_or_null(cursor)));
  if (next) add_next_link(call, cursor, response);
  return response;
}

/// All rows. A table that fits into one piece is answered at once; of a larger one the rows are read at the
/// database's speed, whatever that of the client.
Result<http::Reply> whole_table(const Call& call, const FoundTable& table, const table::TableSchema* schema,
                                bool escape_formulas) {
  TRY_ASSIGN(Lane::Place place, place_for_long_work(call));
  TRY_ASSIGN(report::TableReader reader,
             open_rows(call, table, schema, {.as_loaded = true, .stop = call.request.stop}));
  const std::shared_ptr<MadeBytes> rows = csv_of(std::move(reader), escape_formulas);
  TRY_ASSIGN(std::optional<std::string> whole, rows->whole_below(kWholeAnswerBytes));
  if (whole) return text_response(200, "text/csv", *std::move(whole));

  http::Response response = text_response(200, "text/csv", {});
  response.stream = std::make_shared<FillingSpool>(
      call.service.spool, std::move(place),
      [rows](const FillingSpool::Append& append, const std::stop_token&) -> Result<void> {
        std::string piece(kWholeAnswerBytes, '\0');
        for (;;) {
          TRY_ASSIGN(const std::size_t more, io::read_fully(*rows, piece));
          if (more == 0) return {};
          TRY(append(std::string_view(piece).substr(0, more)));
        }
      });
  return response;
}

}  // namespace

Result<http::Reply> list_rows(Call& call, Body) {
  TRY_ASSIGN(const Page page, read_page(call));
  TRY_ASSIGN(const bool escapes, read_yes_or_no(call.request, kEscapeFormulas));
  TRY_ASSIGN(const FoundTable table, find_table(call));
  TRY_ASSIGN(const std::optional<table::TableSchema> known, schema_of(table));
  const table::TableSchema* schema = known ? &*known : nullptr;
  const bool is_csv = call.form == "text/csv";
  if (!table.state)
    return is_csv ? header_only(*schema, escapes) : json_response(200, "{\"items\":[],\"next\":null}\n");
  TRY_ASSIGN(const Position position, position_of(table, schema, page));
  const bool is_page = call.request.parameter("limit") || call.request.parameter("cursor");
  if (!is_csv || is_page) return one_page(call, table, schema, page, position, escapes);
  return whole_table(call, table, schema, escapes);
}

}  // namespace rowgate::api
