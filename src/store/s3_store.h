#pragma once

#include "aws/credentials.h"
#include "base/clock.h"
#include "base/units.h"
#include "net/http_client.h"
#include "net/retry.h"
#include "store/link_signer.h"
#include "store/store.h"

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace rowgate::store {

/// Where an S3 store is and how it is spoken to.
struct S3Settings {
  std::string bucket;
  std::string prefix = {};    ///< in front of every key: "rowgate/prod"; empty: none
  std::string region;         ///< "eu-west-1"
  std::string endpoint = {};  ///< of a compatible server: "http://127.0.0.1:9000"; empty: AWS
  bool path_style =
      false;  ///< the bucket is the first level of the path, not the first part of the host's name
  std::string profile = {};  ///< of the credentials; see aws::CredentialSettings
  std::optional<std::filesystem::path> authorities =
      {};  ///< PEM file, in place of those that the system trusts

  /// A file is sent in parts of this size, one of them in memory for each file that is being written. S3
  /// takes 10,000 of them, of 5 MiB to 5 GiB.
  std::size_t part_bytes = 8 * kMiB;
  std::chrono::microseconds abandoned_after = std::chrono::hours(24);  ///< unfinished files are then removed
  std::chrono::milliseconds probe_kept{2'000};  ///< so long one probe's outcome stands for the next ones
  net::Retries retries = {};

  // Empty: libcurl, the usual credentials, the system's clock.
  std::shared_ptr<net::HttpClient> http = {};
  std::shared_ptr<aws::CredentialSource> credentials = {};
  std::shared_ptr<const Clock> clock = {};
};

/// A Store in an S3 bucket, or at a server that speaks the same API (multipart uploads, ranges with If-Match,
/// ListObjectsV2, CopyObject). Nothing is asked before it is used.
///
/// Files up to a part's size are sent as a whole, larger ones in parts; each request is signed with the hash
/// of its body and tried again when that may help. A file is read in ranges, at most 4 MiB in memory. When it
/// is removed or replaced meanwhile, reading fails (file.unreadable) where the bucket keeps no versions and
/// more than its first 256 KiB are wanted; what is read is never of two files. list() also ends uploads that
/// were begun more than a day ago.
std::unique_ptr<Store> s3_store(S3Settings settings);

/// The link keys of all servers that use this store: the object ".link-keys" below the prefix, made at the
/// first start. Who can read it can read the reports too.
Result<LinkSigner> s3_link_signer(S3Settings settings);

}  // namespace rowgate::store
