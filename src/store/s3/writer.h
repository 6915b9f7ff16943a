#pragma once

#include "store/s3/client.h"
#include "store/store.h"

#include <cstddef>
#include <memory>
#include <string>

namespace rowgate::store {

/// Writes an object: as a whole at close() where it fits into `part_bytes`, else in parts. Dropped without
/// close(): its parts are removed. Memory: one part. `client` is kept.
std::unique_ptr<StoreWriter> s3_writer(std::shared_ptr<S3Client> client, std::string object,
                                       const FileKey& key, std::size_t part_bytes);

/// How large the parts of a file of this size are to be, so that S3 takes them all.
std::size_t part_bytes_for(std::uint64_t file_bytes, std::size_t usual);

}  // namespace rowgate::store
