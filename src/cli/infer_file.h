#pragma once

#include "config/config.h"
#include "table/inference/inference.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace rowgate::cli {

/// What a CSV file says about the table that it could be loaded into.
struct InferredTable {
  std::string table;  ///< made of the file's name
  std::string file;
  table::Inference::Outcome outcome;
  csv::Opening opening;
};

/// Reads the whole of each file ("-" is standard input, which is kept in the system's folder for temporary
/// files while it is read). Fails with request.invalid where two files would become the same table.
Result<std::vector<InferredTable>> infer_files(const std::vector<std::string>& files,
                                               const csv::DialectOptions& dialect);

/// The table's name for a file: "Sales 2021.csv.gz" is sales_2021. Always a name that a table may have.
std::string table_name_of(const std::filesystem::path& file);

/// `tables:` entry of the table as YAML, indented by two spaces.
std::string table_yaml(const InferredTable& inferred);

}  // namespace rowgate::cli
