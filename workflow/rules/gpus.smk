# GPUs of this machine: as many jobs use them at a time as there are; too few end in a sentence.


onstart:
    if workflow.is_main_process and not on_cluster() and not workflow.touch:
        for sentence in snakemake_patches.limit_gpus(
            workflow, BOOK.size.gpu, BOOK.size.gpu_share
        ):
            logger.warning(sentence)
