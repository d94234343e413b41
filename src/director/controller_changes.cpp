#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/log.h"
#include "config/toml_reader.h"
#include "director/controller.h"
#include "director/targets.h"

// How a configuration is put in force as a whole, or not at all.

namespace shoal::director {

namespace {

using Why = ChangeRefused::Why;

std::string many_problems(std::size_t count) {
    return fmt::format("the configuration has {} problem{} and changed nothing", count,
                       count == 1 ? "" : "s");
}

}  // namespace

std::expected<model::Configuration, std::vector<config::Problem>> Controller::validate(
    std::string_view text) {
    return read_configuration(text, netlink_);
}

std::expected<void, ChangeRefused> Controller::admit(const ChangeRequest& request) {
    if (withdrawn_)
        return refuse(Why::busy, "the director has withdrawn itself; start shoald again");
    if (change_) return refuse(Why::busy, "another change is being made; try again");
    const auto& history = *options_.history;
    if (request.expected && *request.expected != history.in_force().number)
        return std::unexpected(conflict_with(request));
    if (history.trial()) {
        return refuse(Why::busy,
                      fmt::format("revision {} by {} is on trial: `shoal confirm` keeps it, `shoal "
                                  "revert` takes it back; then try again",
                                  history.in_force().number, history.in_force().author.user));
    }
    if (request.confirm && history.in_force().number == 0)
        return refuse(Why::failed, "there is no recorded revision to go back to");
    return {};
}

ChangeRefused Controller::conflict_with(const ChangeRequest& request) {
    const auto& in_force = options_.history->in_force();
    ChangeRefused refused{
        .why = Why::conflict,
        .message = fmt::format("revision {} by {} is in force, not revision {}", in_force.number,
                               in_force.author.user, *request.expected)};
    const auto base = options_.history->store().read(*request.expected);
    const auto base_model =
        base ? config::read_toml(base->text, {}) : std::unexpected(std::vector<config::Problem>{});
    const auto ours = config::read_toml(request.text, {});
    if (base_model && ours) refused.fields = config::conflicts(*base_model, configuration_, *ours);
    if (!refused.fields.empty()) {
        refused.message += "; both changed ";
        for (const auto& field : refused.fields)
            refused.message += (&field == refused.fields.data() ? "" : "; ") + field.field;
    }
    return refused;
}

void Controller::apply(ChangeRequest request, OnChanged on_changed) {
    if (auto admitted = admit(request); !admitted)
        return on_changed(std::unexpected(std::move(admitted.error())));
    auto configuration = read_configuration(request.text, netlink_);
    if (!configuration) {
        const auto count = configuration.error().size();
        log(Message::configuration_refused, "{} problems", count);
        return on_changed(std::unexpected(ChangeRefused{.why = Why::problems,
                                                        .message = many_problems(count),
                                                        .problems = configuration.error()}));
    }
    auto revision =
        options_.history->record(request.author, request.comment, wall_clock_ms(), request.text);
    if (!revision) return on_changed(refuse(Why::failed, revision.error().message));
    // There is nothing to go back to.
    if (revision->number == options_.history->in_force().number) request.confirm.reset();
    begin_change(std::move(request), std::move(*configuration), std::move(*revision),
                 std::move(on_changed));
}

void Controller::reload(const config::Author& author, OnChanged on_changed) {
    auto text = options_.history->file_text();
    if (!text) return on_changed(refuse(Why::failed, text.error().message));
    apply(
        {.text = std::move(*text), .author = author, .comment = "read from the configuration file"},
        std::move(on_changed));
}

void Controller::begin_change(ChangeRequest request, model::Configuration configuration,
                              config::RevisionHead revision, OnChanged on_changed) {
    RunningChange change{.request = std::move(request),
                         .revision = std::move(revision),
                         .replaced = options_.history->in_force(),
                         .on_changed = std::move(on_changed)};
    for (const auto& [operation, error] : executor_.retry().failures())
        change.failing_before.insert(operation);
    if (const auto state = dataplane_->observe())
        change.serving_before = servers_in_pools(configuration_, *state);
    change_ = std::move(change);
    former_ = configuration_;
    put_in_force(std::move(configuration));
    // What the edit mends may read as what failed, which would wait for its turn.
    executor_.retry().begin_afresh();
    reconcile_now();
}

std::vector<std::string> Controller::failures_of_change(const DesiredState& wanted) {
    std::vector<std::string> sentences;
    const auto failing = executor_.retry().failures();
    for (const auto& [operation, error] : failing) {
        if (!change_->failing_before.contains(operation))
            sentences.push_back(fmt::format("cannot {}: {}", operation, error));
    }
    const auto observed = observe(wanted);
    if (!observed) {
        // Told already where the reconciliation could not read either.
        if (sentences.empty()) sentences.push_back(observed.error().message);
        return sentences;
    }
    for (const auto& operation : reconcile(wanted, *observed)) {
        auto name = to_string(operation);
        if (!failing.contains(name))
            sentences.push_back(
                fmt::format("cannot {}: the kernel took it and does not hold it", name));
    }
    return sentences;
}

void Controller::settle_change(const DesiredState& wanted) {
    auto failures = failures_of_change(wanted);
    auto& change = *change_;
    if (!change.failures.empty()) {
        for (auto& failure : failures)
            change.failures.push_back("while taking it back: " + std::move(failure));
        return end_change(std::unexpected(ChangeRefused{
            .why = Why::failed,
            .message =
                fmt::format("revision {} could not be put in force as a whole and was taken back",
                            change.revision.number),
            .failures = change.failures}));
    }
    if (failures.empty()) return complete_change();
    if (change.passes++ > 0) return roll_back_change(std::move(failures));
    // What failed may only have stood in the way of what came after it.
    executor_.retry().begin_afresh();
    reconcile_now();
}

void Controller::roll_back_change(std::vector<std::string> failures) {
    change_->failures = std::move(failures);
    log(Message::configuration_taken_back, "revision {}: {}", change_->revision.number,
        fmt::join(change_->failures, "; "));
    options_.history->take_back(change_->revision.number);
    put_in_force(*former_);
    executor_.retry().begin_afresh();
    reconcile_now();
}

void Controller::complete_change() {
    const auto& request = change_->request;
    const auto now_ms = wall_clock_ms();
    const auto trial = request.confirm ? std::optional(request.confirm->count()) : std::nullopt;
    auto remarks = options_.history->stand(change_->revision.number, trial, now_ms);
    if (!remarks) return roll_back_change({remarks.error().message});
    Changed changed{.revision = change_->revision,
                    .replaced = change_->replaced.number,
                    .warnings = std::move(*remarks)};
    if (trial) {
        changed.confirm_until_ms = now_ms + *trial;
        log(Message::configuration_unconfirmed, "revision {}, for {} s", changed.revision.number,
            *trial / 1000);
    }
    if (const auto now = status())
        std::ranges::copy(now->problems, std::back_inserter(changed.warnings));
    schedule_end_of_trial();
    end_change(std::move(changed));
}

void Controller::end_change(ChangeResult result) {
    const auto on_changed = std::move(change_->on_changed);
    change_.reset();
    if (!options_.history->trial()) forget_former();
    on_changed(std::move(result));
}

void Controller::forget_former() {
    former_.reset();
    conditions_.follow(configuration_);
}

ChangeResult Controller::confirm() {
    auto& history = *options_.history;
    if (!history.trial()) return refuse(Why::nothing, "no revision waits for its confirmation");
    const auto former = history.trial()->former;
    auto remarks = history.confirm(wall_clock_ms());
    if (!remarks) return refuse(Why::failed, remarks.error().message);
    trial_timer_.cancel();
    forget_former();
    return Changed{
        .revision = history.in_force(), .replaced = former, .warnings = std::move(*remarks)};
}

ChangeResult Controller::revert() {
    auto& history = *options_.history;
    if (!history.trial() || !former_) {
        return refuse(Why::nothing,
                      "no revision waits for its confirmation; `shoal restore` puts an earlier one "
                      "in force again");
    }
    const auto taken_back = history.in_force().number;
    trial_timer_.cancel();
    Changed changed{.replaced = taken_back};
    if (const auto done = history.revert(); !done) changed.warnings = {done.error().message};
    changed.revision = history.in_force();
    log(Message::configuration_taken_back, "revision {}; revision {} is in force again", taken_back,
        changed.revision.number);
    put_in_force(*std::exchange(former_, std::nullopt));
    executor_.retry().begin_afresh();
    reconcile_now();
    if (const auto now = status())
        std::ranges::copy(now->problems, std::back_inserter(changed.warnings));
    return changed;
}

void Controller::schedule_end_of_trial() {
    if (!options_.history->trial()) return;
    const auto left = options_.history->trial_left_ms(wall_clock_ms());
    trial_timer_.expires_after(std::chrono::milliseconds(left));
    trial_timer_.async_wait([this](const boost::system::error_code& error) {
        if (error || withdrawn_) return;
        log(Message::configuration_taken_back, "revision {}: nobody confirmed it in time",
            options_.history->in_force().number);
        const auto reverted = revert();
        note({.user = "shoald",
              .from = "timer",
              .what = "revert",
              .result = reverted ? fmt::format("done: revision {}", reverted->revision.number)
                                 : reverted.error().message});
    });
}

void Controller::note_edits() {
    const bool edited = options_.history->file_is_edited();
    if (edited && !edit_is_told_)
        log(Message::configuration_edited, "{}", options_.history->file());
    edit_is_told_ = edited;
}

RevisionList Controller::revisions() {
    RevisionList list{.standing = options_.history->store().standing()};
    for (const auto& [number, head] : options_.history->store().revisions())
        list.heads.push_back(head);
    return list;
}

model::RevisionStatus Controller::revision_status() {
    return options_.history->status();
}

Result<config::Revision> Controller::revision(std::uint64_t number) {
    const auto& history = *options_.history;
    return history.store().read(number == 0 ? history.in_force().number : number);
}

Result<std::optional<config::Revision>> Controller::draft(const std::string& user) {
    return options_.history->drafts().read(user);
}

Result<void> Controller::keep_draft(const config::Author& author, std::string text,
                                    std::optional<std::uint64_t> base) {
    auto& history = *options_.history;
    if (!base) {
        const auto present = history.drafts().read(author.user);
        base = present && *present ? (*present)->head.number : history.in_force().number;
    }
    if (*base == 0) return fail("there is no recorded revision to begin a draft with");
    return history.drafts().keep(
        {{.number = *base, .author = author, .time_ms = wall_clock_ms()}, std::move(text)});
}

Result<void> Controller::remove_draft(const std::string& user) {
    return options_.history->drafts().remove(user);
}

AuditReading Controller::audit() {
    return options_.audit == nullptr ? AuditReading{} : options_.audit->read();
}

void Controller::note(AuditRecord record) {
    record.time_ms = wall_clock_ms();
    if (options_.audit != nullptr) options_.audit->add(std::move(record));
}

Result<std::string> Controller::configuration_file() {
    return options_.history->file_text();
}

}  // namespace shoal::director
