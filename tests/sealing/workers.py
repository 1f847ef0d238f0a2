"""What other processes are asked for in the tests; they import nothing slow."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

from hf_etc.cipher.keys import live_keys


def pool(method="spawn"):
    return ProcessPoolExecutor(1, multiprocessing.get_context(method))


def tag(holder):
    """What only the key makes."""
    return holder.find().derive(b"tag").hex()


def tag_of_a_process_below(holder):
    with pool() as below:
        return below.submit(tag, holder).result()


def ids_of_keys():
    return [key.key_id for key in live_keys()]
