import sys,time
from random import Random
from collections import Counter
from noise import MIX, Noise, report
from onepark import _native
from onepark.simulator.city.plates import draw_plate
NOW=1_800_000_000
GHOSTS=0.19
def lot(size, rate, noise, random):
    cars={}; 
    while len(cars)<size:
        p=draw_plate(random)
        if p in cars: continue
        ghost=random.random()<GHOSTS
        age=int(random.uniform(0,72*3600)) if ghost else int(random.lognormvariate(8.5,1.0))
        text=noise.misread(p.text,random) if random.random()<rate else p.text
        cars[p]=(report(text,p.color,NOW-age,random),ghost)
    return cars
def run(model,size,exits,rate,noise,seed,entry_rate=None):
    random=Random(seed); c=Counter(); done=0; t_native=0
    while done<exits:
        cars=lot(size, rate if entry_rate is None else entry_rate, noise, random)
        items=list(cars.items())
        cand=[tuple(r) for _,(r,_) in items]
        leaving=[i for i,(_,(_,g)) in enumerate(items) if not g][:exits-done]
        obs=[tuple(report(noise.misread(items[i][0].text,random),items[i][0].color,NOW,random)) for i in leaving]
        t=time.perf_counter(); ans=model.match_many(obs,cand); t_native+=time.perf_counter()-t
        for i,(v,k) in zip(leaving,ans):
            right= bool(k) and k[0][0]==i
            c[v,right]+=1
        done+=len(leaving)
    n=sum(c.values())
    dec=c['accepted',False]; col=c['exact',False]; ok=c['accepted',True]+c['exact',True]
    r1=sum(v for (a,b),v in c.items() if b)
    print(f"size {size} rate {rate} n {n} resolved {ok/n:.4f} wrong {dec} ({dec/n*1e5:.2f}/1e5) collide {col} ({col/n*1e5:.2f}/1e5) held amb {c['ambiguous',True]+c['ambiguous',False]} none {c['none',True]+c['none',False]} recall@1 {r1/n:.4f} native {t_native:.1f}s",flush=True)
    return c
if __name__=="__main__":
    import json
    over=json.loads(sys.argv[2]) if len(sys.argv)>2 else {}
    body=json.loads(_native.prior_plate_model()); body.update(over)
    m=_native.PlateModel(json.dumps(body))
    noise=Noise(7)
    scale=float(sys.argv[1])
    for size,n in ((10,100000),(100,100000),(1000,100000),(10000,10000)):
        run(m,size,int(n*scale),0.02,noise,1)
