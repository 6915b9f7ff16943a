// Parsing and checking in memory, on one thread: what a load does before the database sees a row.

#include "csv/bench_rows.h"
#include "csv/testing.h"
#include "table/checker.h"

#include <benchmark/benchmark.h>

namespace rowgate::table {
namespace {

constexpr std::size_t kRows = 1'000'000;

TableSchema hired_schema() {
  TableSchema schema;
  schema.fields = {{.name = "id", .type = Type::Integer},
                   {.name = "name", .type = Type::String},
                   {.name = "datetime", .type = Type::Datetime},
                   {.name = "department_id", .type = Type::Integer},
                   {.name = "job_id", .type = Type::Integer}};
  for (const std::size_t field : {0u, 3u, 4u}) schema.fields[field].constraints.minimum = "1";
  schema.fields[0].constraints.required = true;
  schema.fields[1].constraints.max_length = 200;
  schema.fields[2].constraints.minimum = "2000-01-01T00:00:00Z";
  schema.primary_key = {0};
  return schema;
}

const std::string& rows() {
  static const std::string text = csv::bench_rows(kRows);
  return text;
}

Checker hired_checker() {
  return Checker(hired_schema(), {.column_of_field = {0, 1, 2, 3, 4}, .file_columns = 5});
}

void report(benchmark::State& state, std::size_t accepted) {
  const auto rounds = static_cast<std::size_t>(state.iterations());
  if (accepted != kRows * rounds) state.SkipWithError("rows were refused");
  state.SetBytesProcessed(static_cast<std::int64_t>(rounds * rows().size()));
  state.SetItemsProcessed(static_cast<std::int64_t>(rounds * kRows));
}

void memchr_lines(benchmark::State& state) {
  std::size_t lines = 0;
  for (auto _ : state) lines += csv::lines_by_memchr(rows());
  report(state, lines);
}
BENCHMARK(memchr_lines)->Name("Baseline/memchr");

/// The checker alone, on batches parsed before.
void check_rows(benchmark::State& state) {
  std::vector<csv::RecordBatch> batches;
  csv::testing::PieceSource source(rows(), 1 << 20);
  csv::Parser parser(source, {});
  do {
    if (!parser.next(batches.emplace_back())) break;
  } while (!batches.back().empty());
  const Checker checker = hired_checker();
  CheckedBatch checked;
  std::size_t accepted = 0;
  for (auto _ : state) {
    for (csv::RecordBatch& batch : batches) {
      checker.check(batch, checked);
      accepted += checked.rows();
      std::swap(batch, checked.records);  // the next round needs it again
    }
  }
  report(state, accepted);
}
BENCHMARK(check_rows)->Name("Check");

void parse_and_check(benchmark::State& state, csv::Kernel kernel) {
  const Checker checker = hired_checker();
  csv::RecordBatch batch;
  CheckedBatch checked;
  std::size_t accepted = 0;
  for (auto _ : state) {
    csv::testing::PieceSource source(rows(), 1 << 20);
    csv::Parser parser(source, {}, {}, kernel);
    while (parser.next(batch) && !batch.empty()) {
      checker.check(batch, checked);
      accepted += checked.rows();
    }
  }
  report(state, accepted);
}
BENCHMARK_CAPTURE(parse_and_check, scalar, csv::Kernel::Scalar)->Name("ParseAndCheck/scalar");
BENCHMARK_CAPTURE(parse_and_check, avx2, csv::Kernel::Avx2)->Name("ParseAndCheck/avx2");

}  // namespace
}  // namespace rowgate::table
