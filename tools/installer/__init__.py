"""What tools/install.py does, with the standard library only.

mmcv's operators only come as source and take a minute or two to compile, so the wheel
is kept in a cache of our own: pip's does not know which torch a wheel was built for.

Each module imports only from those above it in this list:

    output        what is shown while it runs, and the error that ends a run
    versions      which versions of Python and torch go together
    stacks        the two sets of packages that provide mmengine, mmcv and mmdet
    checkout      where the checkout lies, and what it pins
    commands      run a command, and explain why it failed
    machine       what this machine has: compiler, disk space, memory, nvcc
    target        a Python to install into, of one of two kinds:
    venv            a virtual environment of our own
    here            the Python that runs the script
    wheels        the cache of mmcv's wheels
    units         arrange mmcv's sources so that they compile quickly
    sdist         fetch mmcv's sources, and compile them
    operators     decide between CPU and CUDA, and install the wheel
    calls         call mmcv's operators once
    check         whether what is installed works
    steps         all of it in order
    cli           the command line

build_shims/ has what Python itself has to be told while mmcv is compiled.
"""
