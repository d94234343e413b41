#include "dataplane/bpf/random_operations.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <thread>

#include "dataplane/bpf/kernel_fixture.h"
#include "dataplane/bpf/service_options.h"
#include "dataplane/fake/fake_dataplane.h"

namespace shoal::dataplane {
namespace {

using RandomOperationsTest = KernelFixture;

std::string in_words(const std::vector<Operation>& operations) {
    std::string words;
    for (const Operation& operation : operations)
        words += to_string(operation) + "; ";
    return words;
}

/// Without the forms that a fresh look at the maps cannot tell apart.
std::vector<Service> as_held(std::vector<Service> services) {
    for (Service& service : services)
        service.options = as_held(service.key, service.options, kernel_hz());
    return services;
}

void expect_same(const std::vector<Service>& found, const std::vector<Service>& expected,
                 const std::string& after) {
    ASSERT_EQ(found.size(), expected.size()) << after;
    for (std::size_t i = 0; i < found.size(); ++i) {
        ASSERT_EQ(found[i].key.to_string(), expected[i].key.to_string()) << after;
        ASSERT_TRUE(found[i].options == expected[i].options)
            << found[i].key.to_string() << " after " << after;
        ASSERT_TRUE(found[i].servers == expected[i].servers)
            << found[i].key.to_string() << " after " << after;
    }
}

TEST_F(RandomOperationsTest, a_random_sequence_leaves_what_the_model_says) {
    auto real = open();
    FakeDataplane model;
    RandomOperations random(20261122);
    for (int i = 0; i < 300; ++i) {
        const auto batch = i % 3 == 0 ? random.batch() : std::vector{random.next()};
        const auto expected = model.apply_all(batch);
        const auto done = real->apply_all(batch);
        ASSERT_EQ(done.size(), batch.size());
        for (std::size_t k = 0; k < batch.size(); ++k) {
            ASSERT_EQ(done[k].has_value(), expected[k].has_value())
                << to_string(batch[k]) << " in " << in_words(batch) << ": "
                << (done[k] ? expected[k].error().message : done[k].error().message);
        }
        const State now = real->observe().value();
        expect_same(now.services, model.state().services, in_words(batch));
        ASSERT_EQ(now.timeouts, model.state().timeouts);
        ASSERT_EQ(now.secure_tcp, model.state().secure_tcp);
        if (i % 60 != 0) continue;
        real.reset();
        real = open();
        const State adopted = real->observe().value();
        expect_same(adopted.services, as_held(model.state().services), "adoption");
        ASSERT_EQ(adopted.secure_tcp, model.state().secure_tcp);
        model.state().services = adopted.services;
    }
}

template <class T>
bool one_of(const T& found, const T& before, const T& after) {
    return found == before || found == after;
}

/// A list that changes entry by entry: what is in both is in it, what is in none is not.
template <class T>
bool between(const std::vector<T>& found, const std::vector<T>& before,
             const std::vector<T>& after) {
    const auto in = [](const std::vector<T>& list, const T& value) {
        return std::ranges::find(list, value) != list.end();
    };
    return std::ranges::all_of(before, [&](const T& v) { return in(found, v) || !in(after, v); }) &&
           std::ranges::all_of(found, [&](const T& v) { return in(before, v) || in(after, v); });
}

/// An endpoint and port that stand for themselves, of the few that the operations use.
std::vector<MarkMatch> single_ports(const std::vector<MarkMatch>& matches) {
    std::vector<MarkMatch> single;
    for (const std::uint16_t port :
         std::to_array<std::uint16_t>({21, 22, 80, 81, 85, 8000, 8055, 8099, 60000})) {
        for (const MarkMatch& match : matches) {
            if (match.port.contains(port)) single.push_back({match.protocol, match.address, port});
        }
    }
    return single;
}

bool between(const ServiceOptions& found, const ServiceOptions& before,
             const ServiceOptions& after) {
    return one_of(found.scheduler, before.scheduler, after.scheduler) &&
           one_of(found.mh_table_size, before.mh_table_size, after.mh_table_size) &&
           one_of(found.one_packet, before.one_packet, after.one_packet) &&
           between(found.allow, before.allow, after.allow) &&
           between(found.deny, before.deny, after.deny) &&
           between(single_ports(found.matches), single_ports(before.matches),
                   single_ports(after.matches));
}

/// The list is one of the two; what an edit changes besides the weight comes before that.
bool between(const std::vector<Server>& found, const std::vector<Server>& before,
             const std::vector<Server>& after) {
    const auto is = [&](const std::vector<Server>& list, const std::vector<Server>& other) {
        return std::ranges::equal(found, list, [&](const Server& mine, const Server& theirs) {
            const auto edited = std::ranges::find(other, theirs.key, &Server::key);
            const Server& late = edited == other.end() ? theirs : *edited;
            return mine.key == theirs.key && mine.weight == theirs.weight &&
                   one_of(mine.method, theirs.method, late.method) &&
                   one_of(mine.upper_threshold, theirs.upper_threshold, late.upper_threshold) &&
                   one_of(mine.lower_threshold, theirs.lower_threshold, late.lower_threshold);
        });
    };
    return is(before, after) || is(after, before);
}

std::optional<Service> find(const std::vector<Service>& services, const ServiceKey& key) {
    const auto found = std::ranges::find(services, key, &Service::key);
    if (found == services.end()) return std::nullopt;
    return *found;
}

/// Each virtual server is as before or as after, or is being edited.
void expect_between(const std::vector<Service>& found, const std::vector<Service>& before,
                    const std::vector<Service>& after, const std::string& operations) {
    for (const Service& service : before) {
        EXPECT_TRUE(find(found, service.key) || !find(after, service.key))
            << service.key.to_string() << " is lost: " << operations;
    }
    for (const Service& service : found) {
        const auto old = find(before, service.key);
        const auto wanted = find(after, service.key);
        ASSERT_TRUE(old || wanted) << service.key.to_string() << ": " << operations;
        const Service& from = old ? *old : *wanted;
        const Service& to = wanted ? *wanted : *old;
        EXPECT_TRUE(between(service.options, from.options, to.options))
            << service.key.to_string() << ": " << operations;
        EXPECT_TRUE(between(service.servers, from.servers, to.servers))
            << service.key.to_string() << ": " << operations;
    }
}

/// A child applies random batches and is killed; it tells by shared memory how many it has begun.
/// What the next round adopts is the state before or after the one that was interrupted.
TEST_F(RandomOperationsTest, a_batch_interrupted_by_a_kill_is_done_or_not) {
    using Counter = std::atomic<int>;
    auto* begun = new (::mmap(nullptr, sizeof(Counter), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Counter(0);
    std::vector<Service> before;
    std::vector<Service> after;
    std::string interrupted;
    for (unsigned round = 0; round < 8; ++round) {
        const auto dataplane = open();
        FakeDataplane model;
        model.state().services = dataplane->observe()->services;
        expect_between(model.state().services, before, after,
                       fmt::format("round {}: {}", round, interrupted));
        *begun = 0;
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            for (RandomOperations random(round);;) {
                ++*begun;
                static_cast<void>(dataplane->apply_all(random.batch()));
            }
        }
        while (*begun < 10 + static_cast<int>(round))
            std::this_thread::yield();
        std::this_thread::sleep_for(std::chrono::microseconds(300 * round));
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);

        RandomOperations random(round);
        for (int i = 1; i < *begun; ++i)
            static_cast<void>(model.apply_all(random.batch()));
        before = as_held(model.state().services);
        const auto batch = random.batch();
        static_cast<void>(model.apply_all(batch));
        after = as_held(model.state().services);
        interrupted = in_words(batch);
    }
}

}  // namespace
}  // namespace shoal::dataplane
