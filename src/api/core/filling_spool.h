#pragma once

#include "api/core/lane.h"
#include "io/files.h"
#include "io/source.h"

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string_view>
#include <thread>

namespace rowgate::api {

/// Bytes that a thread of its own makes, into an unlinked file, while they are being sent. The maker never
/// waits for the reader: a client that reads slowly holds a file, but no cursor, no lock and no connection of
/// the database. Dropped: the maker is told to stop, and waited for.
class FillingSpool : public io::Source {
 public:
  using Append = std::function<Result<void>(std::string_view)>;
  /// Appends everything; returns early, with any error, where its token asks for that. What it holds is gone
  /// when it has returned.
  using Make = std::function<Result<void>(const Append& append, const std::stop_token& stop)>;

  /// `place` is given back when everything is made.
  FillingSpool(std::filesystem::path folder, Lane::Place place, Make make);
  ~FillingSpool() override;
  /// Waits for bytes; fails with what the maker failed with, storage.full, storage.denied.
  Result<std::size_t> read(std::span<char> into) override;

 private:
  Result<void> append(std::string_view bytes);
  void run(const Make& make, const std::stop_token& stop);

  std::filesystem::path folder_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<io::ScratchFile> file_;
  std::uint64_t written_ = 0, read_ = 0;
  bool ended_ = false;
  std::optional<Error> error_;
  std::jthread maker_;
};

}  // namespace rowgate::api
