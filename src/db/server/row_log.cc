#include "db/server/row_log.h"

namespace rowgate::db::server {
namespace {

template <class T>
std::span<const char> bytes_of(const T* from, std::size_t count) {
  return {reinterpret_cast<const char*>(from), count * sizeof(T)};
}

}  // namespace

Result<void> RowLog::close_block(Block& closed) {
  if (!file_) {
    TRY_ASSIGN(io::ScratchFile made, io::ScratchFile::create(folder_));
    file_.emplace(std::move(made));
  }
  const Header header{block_.text.size(), block_.places.size(), block_.rows};
  TRY(file_->append(bytes_of(&header, 1)));
  TRY(file_->append(block_.text));
  TRY(file_->append(bytes_of(block_.places.data(), block_.places.size())));
  closed_rows_ += block_.rows;
  std::swap(block_, closed);
  block_.text.clear();
  block_.places.clear();
  block_.rows = 0;
  return {};
}

Result<void> RowLog::read(std::uint64_t& at, std::span<char> into) const {
  TRY_ASSIGN(const std::size_t got, file_->read_at(at, into));
  if (got != into.size()) return fail(Code::InternalError, "a scratch file ended early");
  at += got;
  return {};
}

Result<void> RowLog::each(const std::function<Result<void>(const Block&)>& visit) const {
  Block block;
  for (std::uint64_t at = 0; file_ && at < file_->size();) {
    Header header;
    TRY(read(at, {reinterpret_cast<char*>(&header), sizeof header}));
    block.text.resize(header.text_bytes);
    block.places.resize(header.places);
    block.rows = header.rows;
    TRY(read(at, block.text));
    TRY(read(at, {reinterpret_cast<char*>(block.places.data()), header.places * sizeof(Place)}));
    TRY(visit(block));
  }
  if (block_.rows > 0) TRY(visit(block_));
  return {};
}

}  // namespace rowgate::db::server
