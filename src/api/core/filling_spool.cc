#include "api/core/filling_spool.h"

#include <algorithm>
#include <utility>

namespace rowgate::api {

FillingSpool::FillingSpool(std::filesystem::path folder, Lane::Place place, Make make)
    : folder_(std::move(folder)),
      maker_([this, place = std::make_optional(std::move(place)),
              make = std::make_optional(std::move(make))](const std::stop_token& stop) mutable {
        run(*make, stop);
        make.reset();  // and with it the cursor, before anybody has read to the end
        place.reset();
        const std::scoped_lock lock(mutex_);
        ended_ = true;
        changed_.notify_all();
      }) {}

FillingSpool::~FillingSpool() = default;  // asks the maker to stop and joins it

void FillingSpool::run(const Make& make, const std::stop_token& stop) {
  const auto add = [this, &stop](std::string_view bytes) -> Result<void> {
    if (stop.stop_requested()) return fail(Code::RunInterrupted, "nobody reads any more");
    return append(bytes);
  };
  Result<void> made;
  try {
    made = make(add, stop);
  } catch (const std::exception& exception) {
    made = fail(Code::InternalError, exception.what());
  }
  if (made) return;
  const std::scoped_lock lock(mutex_);
  error_ = std::move(made).error();
}

Result<void> FillingSpool::append(std::string_view bytes) {
  if (!file_) {
    TRY_ASSIGN(io::ScratchFile made, io::ScratchFile::create(folder_));
    const std::scoped_lock lock(mutex_);
    file_.emplace(std::move(made));
  }
  TRY(file_->append(bytes));
  const std::scoped_lock lock(mutex_);
  written_ += bytes.size();
  changed_.notify_all();
  return {};
}

Result<std::size_t> FillingSpool::read(std::span<char> into) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return read_ < written_ || ended_; });
  if (read_ == written_) {
    if (error_) return std::unexpected(*error_);
    return std::size_t{0};
  }
  const std::uint64_t there = written_ - read_;
  lock.unlock();

  const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), there));
  TRY_ASSIGN(const std::size_t got, file_->read_at(read_, into.first(wanted)));
  read_ += got;
  return got;
}

}  // namespace rowgate::api
