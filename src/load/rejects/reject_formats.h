#pragma once

// The versions of the reject file, behind RejectReader.

#include "load/rejects/reject_file.h"

#include <nlohmann/json_fwd.hpp>

namespace rowgate::load {

class RejectReader::Format {
 public:
  virtual ~Format() = default;
  virtual Result<RejectFileHead> head() = 0;
  virtual Result<std::optional<RefusedRecord>> next() = 0;
  virtual Result<std::string> next_piece() = 0;
  virtual Result<void> skip(std::uint64_t records) = 0;
};

/// JSON Lines with the words in it, written until version 2 came; read only.
Result<std::unique_ptr<RejectReader::Format>> open_version_1(const std::shared_ptr<io::SourceFile>& file);
/// zstd frames of compact JSON Lines, with an index behind them.
Result<std::unique_ptr<RejectReader::Format>> open_version_2(const std::shared_ptr<io::SourceFile>& file);

/// The head of both, as one JSON object. Throws what nlohmann/json throws for one that is damaged.
nlohmann::ordered_json head_json(const RejectFileHead& head, int version);
RejectFileHead head_from(const nlohmann::ordered_json& json, int version);

}  // namespace rowgate::load
