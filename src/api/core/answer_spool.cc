#include "api/core/answer_spool.h"

namespace rowgate::api {
namespace {

constexpr std::size_t kInMemory = 1 << 20;

class ScratchSource : public io::Source {
 public:
  explicit ScratchSource(io::ScratchFile file) : file_(std::move(file)) {}
  Result<std::size_t> read(std::span<char> into) override {
    TRY_ASSIGN(const std::size_t got, file_.read_at(offset_, into));
    offset_ += got;
    return got;
  }

 private:
  io::ScratchFile file_;
  std::uint64_t offset_ = 0;
};

}  // namespace

Result<void> AnswerSpool::append(std::string_view bytes) {
  hash_.update(bytes);
  size_ += bytes.size();
  buffer_ += bytes;
  return buffer_.size() < kInMemory ? Result<void>{} : spill();
}

Result<void> AnswerSpool::spill() {
  if (!file_) {
    TRY_ASSIGN(file_, io::ScratchFile::create(folder_));
  }
  TRY(file_->append(buffer_));
  buffer_.clear();
  return {};
}

Result<void> AnswerSpool::move_into(http::Response& response) {
  if (!file_) {
    response.text = std::move(buffer_);
    return {};
  }
  TRY(spill());
  response.stream = std::make_shared<ScratchSource>(*std::move(file_));
  response.length = size_;
  return {};
}

}  // namespace rowgate::api
