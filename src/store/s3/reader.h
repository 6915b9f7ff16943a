#pragma once

#include "io/source.h"
#include "store/s3/client.h"
#include "store/store.h"

#include <memory>

namespace rowgate::store {

/// The object as a file, its first bytes already here. Fails with file.not_found. `client` is kept.
Result<std::shared_ptr<io::SourceFile>> s3_file(std::shared_ptr<S3Client> client, const std::string& object,
                                                const FileKey& key);

}  // namespace rowgate::store
