"""Suggests the points of one sweep with Optuna, by JSON lines on stdin and stdout.

Nothing is kept between questions but the imported library: each one brings the whole history, and the study is made from it. So a
suggestion depends only on the seed, the number of the trial and the history, and a sampler that was killed goes on as if it had not been.

    -> {"space": {...}, "direction": "minimize", "sampler": "TPESampler", "options": {}, "seed": 7}
    <- {"ready": true, "optuna": "4.5.0"}
    -> {"ask": 3, "history": [{"values": {...}, "state": "succeeded", "objective": 0.4}, {"values": {...}, "state": "running"}]}
    <- {"ask": 3, "values": {"rate": 0.1}}
"""

import json
import sys
import warnings

warnings.filterwarnings("ignore")

# The others keep their place in the sequence inside the study, which a history of points does not have.
SAMPLERS = ("TPESampler", "RandomSampler", "BruteForceSampler", "GPSampler")


def answer(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def distribution(optuna, entry):
    if "choices" in entry:
        return optuna.distributions.CategoricalDistribution(entry["choices"])
    low, high, step, log = entry["low"], entry["high"], entry.get("step"), entry.get("log", False)
    whole = all(isinstance(value, int) for value in (low, high)) and (step is None or isinstance(step, int))
    if whole and entry.get("type") != "float":
        return optuna.distributions.IntDistribution(low, high, log=log, step=step or 1)
    return optuna.distributions.FloatDistribution(float(low), float(high), log=log, step=step)


def suggest(optuna, first, space, message):
    seed = (first["seed"] * 1_000_003 + message["ask"]) % (2**32)
    sampler = getattr(optuna.samplers, first["sampler"])(seed=seed, **first["options"])
    study = optuna.create_study(direction=first["direction"], sampler=sampler)
    states = {
        "succeeded": optuna.trial.TrialState.COMPLETE,
        "running": optuna.trial.TrialState.RUNNING,
        "failed": optuna.trial.TrialState.FAIL,
        "cancelled": optuna.trial.TrialState.FAIL,
    }
    for point in message["history"]:
        state = states[point["state"]]
        value = point["objective"] if state.name == "COMPLETE" else None
        study.add_trial(
            optuna.trial.create_trial(params=point["values"], distributions=space, value=value, state=state)
        )
    return study.ask(space).params


def main():
    first = json.loads(sys.stdin.readline())
    try:
        import optuna
    except ImportError:
        answer({"error": "The environment has no Optuna, which a sweep needs. Add `optuna` to its requirements."})
        return
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if first["sampler"] not in SAMPLERS:
        answer({"error": "The sampler %s is not supported yet; use %s." % (first["sampler"], ", ".join(SAMPLERS))})
        return
    space = {name: distribution(optuna, entry) for name, entry in first["space"].items()}
    answer({"ready": True, "optuna": optuna.__version__})
    for line in sys.stdin:
        message = json.loads(line)
        try:
            answer({"ask": message["ask"], "values": suggest(optuna, first, space, message)})
        except Exception as error:  # whatever a sampler makes of its options and the points
            answer({"ask": message["ask"], "error": "%s: %s" % (type(error).__name__, error)})


main()
