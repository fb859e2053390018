# Functions for the rules of 05_train.smk.


# Not a parameter of any rule: several processes train the same model as one, up to rounding.
PROCESSES = BOOK.size.processes


def all_processors(wildcards):
    return PROCESSES * processors(wildcards)


def processors(wildcards):
    """On a cluster, one to compute and one for each process that reads images."""
    training = settings(wildcards).training if on_cluster() else None
    if not training or training.encoder.cached:
        return threads_of_a_job(wildcards)
    return 1 + training.train.workers


def base(wildcards):
    """The weights from which the second stage of a few-shot run starts."""
    before = BOOK.base(run(wildcards))
    return [f"results/runs/{before.folder}/model.safetensors"] if before else []


def base_option(wildcards):
    return [f"--base={path}" for path in base(wildcards)]
