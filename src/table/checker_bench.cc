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

void check_rows(benchmark::State& state, csv::Kernel kernel) {
  static const std::string text = csv::bench_rows(kRows);
  const Checker checker(hired_schema(), {.column_of_field = {0, 1, 2, 3, 4}, .file_columns = 5});
  csv::RecordBatch batch;
  CheckedBatch checked;
  for (auto _ : state) {
    csv::testing::PieceSource source(text, 1 << 20);
    csv::Parser parser(source, {}, {}, kernel);
    std::size_t rows = 0;
    while (parser.next(batch) && !batch.empty()) {
      checker.check(batch, checked);
      rows += checked.rows();
    }
    if (rows != kRows) state.SkipWithError("rows were refused");
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kRows));
}
BENCHMARK_CAPTURE(check_rows, scalar, csv::Kernel::Scalar)->Name("ParseAndCheck/scalar");
BENCHMARK_CAPTURE(check_rows, avx2, csv::Kernel::Avx2)->Name("ParseAndCheck/avx2");

}  // namespace
}  // namespace rowgate::table
