#pragma once

#include <functional>
#include <list>
#include <memory>
#include <utility>

namespace shoal {

/// Tells those who wait that there is something new. For one thread.
class Wakeup {
  public:
    /// Its function is called at each wake() while it lives; it must neither make nor end a waiter.
    class Waiter {
      public:
        Waiter(std::shared_ptr<Wakeup> source, std::function<void()> on_wake)
            : source_(std::move(source)),
              place_(source_->waiters_.insert(source_->waiters_.end(), std::move(on_wake))) {}
        Waiter(const Waiter&) = delete;
        Waiter& operator=(const Waiter&) = delete;
        ~Waiter() { source_->waiters_.erase(place_); }

      private:
        std::shared_ptr<Wakeup> source_;
        std::list<std::function<void()>>::iterator place_;
    };

    void wake() {
        for (const auto& on_wake : waiters_)
            on_wake();
    }

  private:
    std::list<std::function<void()>> waiters_;
};

}  // namespace shoal
