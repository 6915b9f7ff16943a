#include "api/core/made_bytes.h"
#include "api/core/paging.h"
#include "api/core/replies.h"
#include "api/core/resources.h"
#include "api/handlers/handlers.h"
#include "csv/writer.h"
#include "load/kept_files.h"
#include "load/rejects/reject_file.h"
#include "load/run_moves.h"

#include <fmt/format.h>

#include <charconv>
#include <memory>
#include <optional>

namespace rowgate::api {
namespace {

/// The reader of the run's reject file; nothing where there is nothing refused (yet). Fails with
/// run.rejects_expired.
Result<std::optional<load::RejectReader>> open_rejects(const Call& call, const db::RunRecord& run) {
  if (!load::has_ended(run.status) || run.rows_rejected == 0) return std::nullopt;
  TRY_ASSIGN(load::RejectReader reader, load::open_rejects(call.service.store, run));
  return reader;
}

/// A reject file without rows: the columns of the table, then ours.
Result<std::string> empty_reject_file(const Call& call, const db::RunRecord& run) {
  std::string text;
  csv::Writer writer(text);
  Call of_table = call;
  of_table.params["table"] = run.table;
  if (const Result<FoundTable> table = find_table(of_table)) {
    TRY_ASSIGN(const std::optional<table::TableSchema> schema, schema_of(*table));
    if (schema)
      for (const table::Field& field : schema->fields) writer.field(field.name);
  }
  for (const std::string_view name : {"rg_run", "rg_line", "rg_codes", "rg_fields", "rg_message", "rg_raw"})
    writer.field(name);
  writer.end_record();
  return text;
}

/// The rejects as CSV. They hold the reject file, and nothing of the database.
Result<std::shared_ptr<MadeBytes>> csv_of(load::RejectReader opened) {
  const auto reader = std::make_shared<load::RejectReader>(std::move(opened));
  TRY_ASSIGN(load::RejectCsv begun, load::RejectCsv::begin(*reader));
  const auto csv = std::make_shared<load::RejectCsv>(std::move(begun));
  return std::make_shared<MadeBytes>([reader, csv](std::string& out) { return csv->next(out); });
}

Result<http::Reply> as_csv(const Call& call, const db::RunRecord& run) {
  TRY_ASSIGN(std::optional<load::RejectReader> reader, open_rejects(call, run));
  http::Response response = text_response(200, "text/csv", {});
  response.set("Content-Disposition", attachment(fmt::format("{}-rejects.csv", run.id)));
  if (!reader) {
    TRY_ASSIGN(response.text, empty_reject_file(call, run));
    return response;
  }

  TRY_ASSIGN(const std::shared_ptr<MadeBytes> csv, csv_of(*std::move(reader)));
  TRY_ASSIGN(std::optional<std::string> whole, csv->whole_below(kWholeAnswerBytes));
  if (whole)
    response.text = *std::move(whole);
  else
    response.stream = csv;
  return response;
}

/// The record as it is kept, without its line end.
std::string item_of(const load::RefusedRecord& record) {
  std::string line = load::record_line(record);
  line.pop_back();
  return line;
}

Result<http::Reply> as_json(const Call& call, const db::RunRecord& run, const Page& page) {
  std::uint64_t done = 0;
  if (page.position)
    std::from_chars(page.position->data(), page.position->data() + page.position->size(), done);
  TRY_ASSIGN(std::optional<load::RejectReader> reader, open_rejects(call, run));
  std::vector<std::string> items;
  if (!reader) return page_response(call, items, std::nullopt);
  TRY(reader->head());
  TRY(reader->skip(done));
  for (std::size_t bytes = 0;;) {
    TRY_ASSIGN(const std::optional<load::RefusedRecord> record, reader->next());
    if (!record) return page_response(call, items, std::nullopt);
    if (items.size() == page.limit || bytes >= kFullPageBytes)
      return page_response(call, items, fmt::format("{}", done + items.size()));
    items.push_back(item_of(*record));
    bytes += items.back().size();
  }
}

}  // namespace

Result<http::Reply> list_rejects(Call& call, Body) {
  TRY_ASSIGN(const Page page, read_page(call));
  TRY_ASSIGN(const runs::RunView view, find_run(call));
  if (call.form == "text/csv") return as_csv(call, view.run);
  return as_json(call, view.run, page);
}

}  // namespace rowgate::api
