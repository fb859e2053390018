# What the rules of 05_train.smk ask for.


# No input and no parameter of a rule: several processes train what one trains, up to rounding.
PROCESSES = BOOK.size.processes


def all_processors(wildcards):
    return PROCESSES * processors(wildcards)


def processors(wildcards):
    """A share; on a cluster one to compute, and one for each process that reads images."""
    training = settings(wildcards).training if on_cluster() else None
    if not training or training.encoder.cached:
        return share(wildcards)
    return 1 + training.train.workers


def base(wildcards):
    """The weights that a run of few shots goes on from."""
    before = BOOK.base(run(wildcards))
    return [f"results/runs/{before.folder}/model.safetensors"] if before else []


def base_option(wildcards):
    return [f"--base={path}" for path in base(wildcards)]
