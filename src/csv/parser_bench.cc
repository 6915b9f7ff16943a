// Scanning and parsing in memory, against memchr over the same bytes for line ends.

#include "csv/bench_rows.h"
#include "csv/parser.h"
#include "csv/testing.h"

#include <benchmark/benchmark.h>

namespace rowgate::csv {
namespace {

constexpr std::size_t kRows = 1'000'000;
constexpr std::size_t kPiece = 1 << 20;

const std::string& rows() {
  static const std::string text = bench_rows(kRows) + std::string(64, '\0');
  return text;
}
std::size_t size() {
  return rows().size() - 64;
}

void report(benchmark::State& state) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(size()));
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kRows));
}

void memchr_lines(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(lines_by_memchr(std::string_view(rows()).substr(0, size())));
  report(state);
}
BENCHMARK(memchr_lines)->Name("Baseline/memchr");

void scan_rows(benchmark::State& state, Kernel kernel) {
  Marks marks;
  for (auto _ : state) {
    for (std::size_t at = 0; at < size(); at += kPiece) {
      scan(kernel, std::string_view(rows()).substr(at, std::min(kPiece, size() - at)), {}, marks);
      benchmark::DoNotOptimize(marks.count);
    }
  }
  report(state);
}
BENCHMARK_CAPTURE(scan_rows, scalar, Kernel::Scalar)->Name("Scan/scalar");
BENCHMARK_CAPTURE(scan_rows, avx2, Kernel::Avx2)->Name("Scan/avx2");

void parse_rows(benchmark::State& state, Kernel kernel) {
  RecordBatch batch;
  for (auto _ : state) {
    testing::PieceSource source(std::string_view(rows()).substr(0, size()), kPiece);
    Parser parser(source, {}, {}, kernel);
    std::size_t records = 0;
    while (parser.next(batch) && !batch.empty()) records += batch.size();
    if (records != kRows) state.SkipWithError("rows are missing");
  }
  report(state);
}
BENCHMARK_CAPTURE(parse_rows, scalar, Kernel::Scalar)->Name("Parse/scalar");
BENCHMARK_CAPTURE(parse_rows, avx2, Kernel::Avx2)->Name("Parse/avx2");

}  // namespace
}  // namespace rowgate::csv
