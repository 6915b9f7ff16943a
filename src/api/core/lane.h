#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <utility>

namespace rowgate::api {

/// How much long work may be done at once. Reports and exports take a place each, so that they never hold all
/// of the threads that answer everything else. Thread safe.
class Lane {
 public:
  explicit Lane(unsigned places) : free_(static_cast<int>(places)) {}

  /// Given back when dropped.
  class Place {
   public:
    explicit Place(std::shared_ptr<Lane> lane) : lane_(std::move(lane)) {}
    Place(Place&&) noexcept = default;
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (lane_) ++lane_->free_;
    }

   private:
    std::shared_ptr<Lane> lane_;
  };

  /// nullopt where all are taken; nobody waits.
  static std::optional<Place> enter(const std::shared_ptr<Lane>& lane) {
    if (lane->free_.fetch_sub(1) > 0) return Place(lane);
    ++lane->free_;
    return std::nullopt;
  }

 private:
  std::atomic<int> free_;
};

}  // namespace rowgate::api
